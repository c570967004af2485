"""Every type and version of event is readable for ever; what is no event is refused as such."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke import codec
from evoke.domain import events
from evoke.domain.errors import UndecodableEvent
from evoke.domain.events import AnyEvent, Requested
from evoke.domain.progress import Preview, Progress
from tests.unit.codec.examples import COMMON, EVENTS

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))


def types_of_events() -> set[str]:
    members = {member for member in vars(events).values() if isinstance(member, type)}
    found = {member for member in members if issubclass(member, events.Event) and member is not events.Event}
    return {str(member.__struct_config__.tag) for member in found}


def test_there_is_a_golden_file_for_every_type_of_event() -> None:
    assert types_of_events() <= {path.stem for path in FILES}
    assert len(get_args(AnyEvent)) == len(types_of_events())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_is_read_as_the_event_that_was_written(path: Path) -> None:
    assert codec.decode(path.read_bytes().rstrip(b"\n")) == EVENTS[path.stem]


@pytest.mark.parametrize("tag", sorted(EVENTS))
def test_an_event_is_written_as_its_golden_file_says(tag: str) -> None:
    """A change here changes what others read: add a version, never alter one."""
    assert codec.encode(EVENTS[tag]) == (GOLDEN / f"{tag}.json").read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("tag", sorted(EVENTS))
def test_a_field_that_a_later_version_adds_is_ignored(tag: str) -> None:
    document = json.loads(codec.encode(EVENTS[tag]))
    document["added_later"] = {"deep": [1, 2, 3]}
    assert codec.decode(json.dumps(document).encode()) == EVENTS[tag]


@pytest.mark.parametrize("tag", sorted(EVENTS))
def test_what_has_a_default_may_be_missing(tag: str) -> None:
    """An older writer did not know the fields that were added since."""
    event = EVENTS[tag]
    required = {field.encode_name for field in msgspec.structs.fields(event) if field.required}
    document = json.loads(codec.encode(event))
    oldest = {name: value for name, value in document.items() if name in required | {"type"}}
    decoded = codec.decode(json.dumps(oldest).encode())
    assert type(decoded) is type(event)
    assert decoded.job_id == event.job_id


@pytest.mark.parametrize("tag", sorted(EVENTS))
def test_what_has_no_default_must_be_there(tag: str) -> None:
    event = EVENTS[tag]
    document = json.loads(codec.encode(event))
    for field in msgspec.structs.fields(event):
        if field.required:
            lacking = {name: value for name, value in document.items() if name != field.encode_name}
            with pytest.raises(UndecodableEvent):
                codec.decode(json.dumps(lacking).encode())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"type":"unheard_of.v1"}',
        b'{"type":"requested.v9"}',
        b'{"type":1}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        codec.encode(EVENTS["purged.v1"])[:-5],
        codec.encode(EVENTS["purged.v1"]) + b"x",
        codec.encode(EVENTS["requested.v1"]).replace(b'"bulk"', b'"express"'),
    ],
)
def test_what_is_no_event_is_refused(payload: bytes) -> None:
    with pytest.raises(UndecodableEvent):
        codec.decode(payload)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_event_or_are_refused(payload: bytes) -> None:
    try:
        codec.encode(codec.decode(payload))
    except UndecodableEvent:
        return


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4), st.text(), st.none() | st.text())
def test_whatever_an_input_holds_comes_back(found: dict[str, object], tenant: str, key: str | None) -> None:
    event = Requested(**{**COMMON, "tenant": tenant}, input=found, idempotency_key=key)
    assert codec.decode(codec.encode(event)) == event


def test_properties_carry_cloudevents_and_the_trace() -> None:
    found = codec.properties(EVENTS["succeeded.v1"], "/worker/1", "event-1", "00-ab-cd-01")
    assert found == {
        "ce_specversion": "1.0",
        "ce_id": "event-1",
        "ce_type": "succeeded.v1",
        "ce_source": "/worker/1",
        "ce_time": "2026-01-01T00:00:00.123Z",
        "ce_subject": COMMON["job_id"],
        "traceparent": "00-ab-cd-01",
    }
    assert "traceparent" not in codec.properties(EVENTS["succeeded.v1"], "/worker/1", "event-1", None)


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_767_225_600_999, "2026-01-01T00:00:00.999Z"),
    ],
)
def test_times_are_written_by_rfc_3339(time_ms: int, text: str) -> None:
    assert codec.rfc3339(time_ms) == text


def test_progress_comes_back_with_its_preview() -> None:
    progress = Progress(
        tenant="default",
        job_id="j",
        attempt_id="a",
        attempt=2,
        time_ms=5,
        step=3,
        total=20,
        log="half way",
        preview=Preview(media_type="image/png", data=bytes(range(256))),
    )
    assert codec.decode_progress(codec.encode_progress(progress)) == progress


@given(st.binary(max_size=200))
def test_any_bytes_are_progress_or_are_refused(payload: bytes) -> None:
    try:
        codec.decode_progress(payload)
    except UndecodableEvent:
        return
