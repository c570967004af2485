"""Entries of the log as rows."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke import codec
from evoke.domain import topics
from evoke.domain.errors import ErrorClass, UndecodableEvent
from evoke.domain.events import AttemptStarted, DeadLettered, Requested
from evoke.domain.ids import uuid7
from evoke.ports.event_log import LogEntry, Position
from services.archiver.rows import event_time_ms, queues_by_topic, row_of

NOW_MS = 1_800_000_000_000
JOB = uuid7(1_700_000_000_123, b"0123456789")
QUEUES = queues_by_topic(("images", "music"))


def entry(payload: bytes, *, key: str = JOB, topic: str = "requested_images", **properties: str) -> LogEntry:
    return LogEntry(topic, Position("01"), key, payload, properties)


def requested(**changed: object) -> Requested:
    about = {
        "job_id": JOB,
        "tenant": "t",
        "queue": "images",
        "model": "m",
        "time_ms": 1_700_000_000_999,
        "input": {},
    }
    return Requested(**{**about, **changed})  # type: ignore[arg-type]  # whatever a test changes


def test_every_logged_topic_knows_its_queue() -> None:
    assert len(QUEUES) == 2 * len(topics.logged("images"))
    assert QUEUES["dlq_requested_music"] == "music"
    assert "retry_requested_images" not in QUEUES


def test_an_event_becomes_a_row_that_holds_it_as_it_was_written() -> None:
    event = requested(input={"prompt": "Ein Kreis, größer als π"})
    row = row_of(entry(codec.encode(event)), QUEUES, NOW_MS)
    assert (row.tenant, row.job_id, row.queue, row.model, row.type) == (
        "t",
        JOB,
        "images",
        "m",
        "requested.v1",
    )
    assert (row.job_time_ms, row.time_ms, row.attempt) == (1_700_000_000_123, 1_700_000_000_999, None)
    assert (row.topic, row.position) == ("requested_images", "01")
    assert codec.decode(row.payload.encode()) == event


def test_a_row_of_an_attempt_names_it() -> None:
    event = AttemptStarted(
        job_id=JOB, tenant="t", queue="images", model="m", time_ms=5, attempt_id="attempt", worker="w"
    )
    assert row_of(entry(codec.encode(event)), QUEUES, NOW_MS).attempt == "attempt"


def test_a_dead_letter_without_a_job_lies_at_its_own_time() -> None:
    event = DeadLettered(
        job_id="",
        tenant="",
        queue="images",
        model="",
        time_ms=1_700_000_000_000,
        letter_id="l",
        request=b"\xff",
        error=ErrorClass.INVALID_INPUT,
        message="not JSON",
        attempts=0,
        origin="w",
    )
    row = row_of(entry(codec.encode(event), key="l", topic="dlq_requested_images"), QUEUES, NOW_MS)
    assert (row.job_id, row.job_time_ms, row.type) == ("", 1_700_000_000_000, "dead_lettered.v1")


def test_bytes_that_are_no_event_become_a_row_that_gives_them_back() -> None:
    raw = b"\xff\x00 no event"
    row = row_of(entry(raw, ce_time="2026-01-02T03:04:05.678Z"), QUEUES, NOW_MS)
    assert base64.b64decode(json.loads(row.payload)["undecodable"]) == raw
    assert (row.type, row.tenant, row.queue, row.job_id) == ("undecodable", "", "images", JOB)
    assert (row.job_time_ms, row.time_ms) == (1_700_000_000_123, 1_767_323_045_678)


@pytest.mark.parametrize("ce_time", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_carries_no_time_has_that_of_its_archiving(ce_time: str) -> None:
    row = row_of(entry(b"?", key="no id", ce_time=ce_time), QUEUES, NOW_MS)
    assert (row.job_id, row.job_time_ms, row.time_ms) == ("", NOW_MS, NOW_MS)


@pytest.mark.parametrize("time_ms", [-1, 1 << 48, 1 << 62])
def test_times_that_no_calendar_holds_are_replaced(time_ms: int) -> None:
    row = row_of(entry(codec.encode(requested(time_ms=time_ms))), QUEUES, NOW_MS)
    assert row.time_ms == NOW_MS


def test_an_id_of_a_time_that_no_calendar_holds_lies_at_the_time_of_archiving() -> None:
    far = uuid7((1 << 48) - 1, b"0123456789")
    assert row_of(entry(codec.encode(requested(job_id=far))), QUEUES, NOW_MS).job_time_ms == NOW_MS


@given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=30))
def test_whatever_lies_in_the_log_becomes_a_row(payload: bytes, key: str, ce_time: str) -> None:
    row = row_of(entry(payload, key=key, topic="completed_music", ce_time=ce_time), QUEUES, NOW_MS)
    assert row.queue == "music"
    assert 0 <= row.job_time_ms < 1 << 48
    try:
        codec.decode(payload)
    except UndecodableEvent:
        assert base64.b64decode(json.loads(row.payload)["undecodable"]) == payload


def test_the_time_of_an_entry_is_that_of_its_properties_or_its_event() -> None:
    assert event_time_ms(entry(b"?", ce_time="1970-01-01T00:00:01Z")) == 1000
    assert event_time_ms(entry(codec.encode(requested(time_ms=7)))) == 7
    assert event_time_ms(entry(b"?")) is None
