"""Entries of the log as rows of the archive. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime

import msgspec

from evoke import codec
from evoke.domain import topics
from evoke.domain.errors import InvalidInput, UndecodableEvent
from evoke.domain.events import AnyEvent
from evoke.domain.ids import is_job_id, job_time_ms
from evoke.migration import MIGRATED_AT
from evoke.ports.archive import UNDECODABLE, EventRow
from evoke.ports.event_log import LogEntry

_LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999: what every engine's timestamps can hold."""


def queues_by_topic(queues: tuple[str, ...], parts: int = 1) -> dict[str, str]:
    """Return every logged topic of these queues with the queue that owns it. parts: of each queue's topics."""
    return {topic: queue for queue in queues for topic in topics.logged(queue, parts)}


def row_of(entry: LogEntry, queues: Mapping[str, str], now_ms: int) -> EventRow:
    """Return the row of an entry; bytes that are no event become a row too.

    now_ms: Unix ms, the time of what carries none.
    """
    try:
        event = codec.decode(entry.payload)
    except UndecodableEvent:
        return _undecodable(entry, queues, now_ms)
    return EventRow(
        tenant=event.tenant,
        job_id=event.job_id,
        job_time_ms=_job_time_ms(event.job_id, event.time_ms, now_ms),
        queue=event.queue,
        model=event.model,
        type=_tag(event),
        attempt=getattr(event, "attempt_id", None),
        time_ms=_bounded(event.time_ms, now_ms),
        topic=entry.topic,
        position=entry.position,
        payload=entry.payload.decode(),
    )


def event_time_ms(entry: LogEntry) -> int | None:
    """Return the Unix ms from which the log keeps an entry, None when nothing in it tells.

    It is when its event happened, or when it was told again by a migration, which looks for it when it is resumed.
    """
    published_ms = _moment_ms(entry, MIGRATED_AT) or _published_ms(entry)
    if published_ms is not None:
        return published_ms
    try:
        return codec.decode(entry.payload).time_ms
    except UndecodableEvent:
        return None


def _undecodable(entry: LogEntry, queues: Mapping[str, str], now_ms: int) -> EventRow:
    """Nobody's row, but for the job that the entry's key names."""
    time_ms = _bounded(_published_ms(entry), now_ms)
    job_id = entry.key if is_job_id(entry.key) else ""
    raw = base64.b64encode(entry.payload).decode()
    return EventRow(
        tenant="",
        job_id=job_id,
        job_time_ms=_job_time_ms(job_id, time_ms, now_ms),
        queue=queues.get(entry.topic, ""),
        model="",
        type=UNDECODABLE,
        attempt=None,
        time_ms=time_ms,
        topic=entry.topic,
        position=entry.position,
        payload=msgspec.json.encode({"undecodable": raw}).decode(),
    )


def _tag(event: AnyEvent) -> str:
    return str(type(event).__struct_config__.tag)


def _job_time_ms(job_id: str, time_ms: int, now_ms: int) -> int:
    try:
        return _bounded(job_time_ms(job_id), now_ms)
    except InvalidInput:
        return _bounded(time_ms, now_ms)


def _bounded(time_ms: int | None, now_ms: int) -> int:
    return time_ms if time_ms is not None and 0 <= time_ms <= _LAST_MS else now_ms


def _published_ms(entry: LogEntry) -> int | None:
    return _moment_ms(entry, "ce_time")


def _moment_ms(entry: LogEntry, name: str) -> int | None:
    try:
        moment = datetime.fromisoformat(entry.properties.get(name, ""))
    except ValueError:
        return None
    return int(moment.timestamp() * 1000)
