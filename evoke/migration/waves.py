"""Which entries may be appended at once: the log promises order per key, and per idempotency key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evoke.codec import decode
from evoke.domain.errors import UndecodableEvent
from evoke.domain.events import DeadLettered, Purged, Replayed, Requested
from evoke.ports.event_log import LogEntry

MOST = 500


def waves(entries: Sequence[LogEntry]) -> Iterator[Sequence[LogEntry]]:
    """Cut entries into runs in which no two depend on each other's order."""
    wave: list[LogEntry] = []
    bound: set[str] = set()
    for entry in entries:
        keys = _ordered_by(entry)
        if len(wave) >= MOST or not bound.isdisjoint(keys):
            yield wave
            wave, bound = [], set()
        wave.append(entry)
        bound |= keys
    if wave:
        yield wave


def _ordered_by(entry: LogEntry) -> set[str]:
    """Names of what an entry's order counts for."""
    keys = {f"key {entry.key}"}
    try:
        event = decode(entry.payload)
    except UndecodableEvent:
        return keys
    if isinstance(event, Requested) and event.idempotency_key is not None:
        keys.add(f"claim {event.tenant} {event.idempotency_key}")
    if isinstance(event, DeadLettered | Replayed | Purged):
        keys.add(f"letter {event.letter_id}")
    return keys
