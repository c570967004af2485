"""Events on their way into a real log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evoke.bootstrap import open_event_log
from evoke.codec import decode
from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    AttemptFailed,
    AttemptStarted,
    AttemptYielded,
    Cancelled,
    DeadLettered,
    Failed,
    Purged,
    Succeeded,
)
from evoke.settings import load_settings
from worker_sidecar.journal import Journal, topic_of

COMMON: dict[str, Any] = {
    "job_id": "j",
    "tenant": "t",
    "queue": "q",
    "model": "m",
    "time_ms": 1_700_000_000_000,
}
STARTED = AttemptStarted(**COMMON, attempt_id="a", worker="w")
TRACE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


@pytest.mark.parametrize(
    ("event", "topic"),
    [
        (STARTED, "attempts_q"),
        (AttemptFailed(**COMMON, attempt_id="a", error=ErrorClass.DEADLINE, message=""), "attempts_q"),
        (AttemptYielded(**COMMON, attempt_id="a", reason="drain"), "attempts_q"),
        (Succeeded(**COMMON, attempt_id="a"), "completed_q"),
        (Failed(**COMMON, error=ErrorClass.POISON, message=""), "completed_q"),
        (
            DeadLettered(
                **COMMON,
                letter_id="l",
                request=b"",
                error=ErrorClass.POISON,
                message="",
                attempts=1,
                origin="o",
            ),
            "dlq_requested_q",
        ),
    ],
)
def test_every_event_has_its_topic(event: AnyEvent, topic: str) -> None:
    assert topic_of(event) == topic


@pytest.mark.parametrize("event", [Cancelled(**COMMON), Purged(**COMMON, letter_id="l")])
def test_what_others_write_a_sidecar_does_not(event: AnyEvent) -> None:
    with pytest.raises(TypeError):
        topic_of(event)


async def test_an_event_carries_its_cloudevents_attributes_and_the_trace(tmp_path: Path) -> None:
    log = await open_event_log(load_settings({"data_dir": tmp_path}))
    try:
        topic, position = await Journal(log, "w-1", lambda: None).append(STARTED, "a.AttemptStarted", TRACE)
        (entry,) = await log.read(topic, None, 10)
    finally:
        await log.close()
    assert (entry.position, entry.key, decode(entry.payload)) == (position, "j", STARTED)
    assert entry.properties == {
        "ce_specversion": "1.0",
        "ce_id": "a.AttemptStarted",
        "ce_type": "attempt_started.v1",
        "ce_source": "/workers/w-1",
        "ce_time": "2023-11-14T22:13:20.000Z",
        "ce_subject": "j",
        "traceparent": TRACE,
    }
