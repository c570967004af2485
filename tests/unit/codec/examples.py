"""One event of every type, with every field set, as each golden file holds it."""

from __future__ import annotations

from typing import Any

from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    Artifact,
    AttemptFailed,
    AttemptStarted,
    AttemptYielded,
    Cancelled,
    DeadLettered,
    Failed,
    Purged,
    Replayed,
    Requested,
    Succeeded,
)
from evoke.domain.topics import Lane

JOB = "01900000-0000-7000-8000-000000000001"
ATTEMPT = "01900000-0000-7000-8000-0000000000a1"
LETTER = "01900000-0000-7000-8000-0000000000d1"
OTHER = "01900000-0000-7000-8000-000000000002"
COMMON: dict[str, Any] = {
    "job_id": JOB,
    "tenant": "default",
    "queue": "txt2img_generation",
    "model": "shapes-64",
    "time_ms": 1_767_225_600_123,
}

EVENTS: dict[str, AnyEvent] = {
    "requested.v1": Requested(
        **COMMON,
        input={"prompt": 'a red circle, "é漢字😀"', "seed": -1, "cfg_scale": 4.5, "steps": 20},
        metadata={"grouping": "tests"},
        lane=Lane.BULK,
        priority=3,
        idempotency_key="key-1",
        body_digest="00" * 32,
        deadline_s=30.5,
        replay_of=OTHER,
        door="images",
        traceparent="00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
    ),
    "attempt_started.v1": AttemptStarted(**COMMON, attempt_id=ATTEMPT, worker="worker-1"),
    "attempt_failed.v1": AttemptFailed(
        **COMMON,
        attempt_id=ATTEMPT,
        error=ErrorClass.OUT_OF_MEMORY,
        message="2 GiB were needed",
        retry_at_ms=1_767_225_601_000,
    ),
    "attempt_yielded.v1": AttemptYielded(**COMMON, attempt_id=ATTEMPT, reason="drain"),
    "succeeded.v1": Succeeded(
        **COMMON,
        attempt_id=ATTEMPT,
        artifacts=(
            Artifact(
                name="0.png",
                media_type="image/png",
                size_bytes=1234,
                sha256="ab" * 32,
                key=f"default/{JOB}/{ATTEMPT}/0.png",
                details={"width": 64, "height": 64},
            ),
        ),
        seed=4_294_967_295,
        timings_ms={"model": 812.5, "store": 3.25},
        result={"count": 1},
    ),
    "failed.v1": Failed(**COMMON, error=ErrorClass.POISON, message="3 workers died", attempt_id=ATTEMPT),
    "cancelled.v1": Cancelled(**COMMON, reason="superseded", superseded_by=OTHER),
    "dead_lettered.v1": DeadLettered(
        **COMMON,
        letter_id=LETTER,
        request=bytes(range(256)),
        error=ErrorClass.CHECKPOINT,
        message="the weights are broken",
        attempts=3,
        origin="requested_txt2img_generation",
    ),
    "replayed.v1": Replayed(**COMMON, letter_id=LETTER, new_job_id=OTHER),
    "purged.v1": Purged(**COMMON, letter_id=LETTER),
}
"""By tag."""
