"""Events to bytes and back. JSON on the wire; the tag in `type` holds the name and the version.

A reader accepts every version ever written and ignores fields that it does not know. Each type and version
has a golden file in `tests/unit/codec/golden/`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from evoke.domain.errors import UndecodableEvent
from evoke.domain.events import AnyEvent
from evoke.domain.progress import Progress

_encoder = msgspec.json.Encoder()
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_progress = msgspec.msgpack.Decoder(Progress)
_progress_encoder = msgspec.msgpack.Encoder()


def encode(event: AnyEvent) -> bytes:
    """Return the event as compact UTF-8 JSON."""
    return _encoder.encode(event)


def decode(payload: bytes) -> AnyEvent:
    """Return the event that `payload` holds. Raises UndecodableEvent."""
    try:
        return _events.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UndecodableEvent(str(error)) from error


def properties(event: AnyEvent, source: str, event_id: str, traceparent: str | None) -> dict[str, str]:
    """Message properties: CloudEvents attributes with the prefix `ce_`, and the W3C trace context.

    CloudEvents has no binding for logs such as ours; the names follow its Kafka binding (`ce_` headers).
    time is given in RFC 3339 by the event's `time_ms`.
    """
    found = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": str(type(event).__struct_config__.tag),
        "ce_source": source,
        "ce_time": rfc3339(event.time_ms),
        "ce_subject": event.job_id,
    }
    if traceparent is not None:
        found["traceparent"] = traceparent
    return found


def rfc3339(time_ms: int) -> str:
    """Unix milliseconds as RFC 3339 text in UTC with milliseconds."""
    return f"{_second(time_ms // 1000)}.{time_ms % 1000:03d}Z"


@lru_cache(maxsize=64)  # events that are written together have few different ones
def _second(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def encode_progress(progress: Progress) -> bytes:
    """Return a progress report as MessagePack: previews are bytes."""
    return _progress_encoder.encode(progress)


def decode_progress(payload: bytes) -> Progress:
    """Return the progress report that `payload` holds. Raises UndecodableEvent."""
    try:
        return _progress.decode(payload)
    except msgspec.DecodeError as error:
        raise UndecodableEvent(str(error)) from error
