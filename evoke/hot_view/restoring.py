"""What the hot view needs of the past at start: unfinished jobs, keys of the last while, outstanding letters."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from evoke.codec import decode
from evoke.domain.errors import QueryRefused, Unavailable, UndecodableEvent
from evoke.domain.events import AnyEvent, DeadLettered, Purged, Replayed, Requested
from evoke.domain.ids import RANDOM_BYTES, uuid7
from evoke.hot_view.view import HotView
from evoke.ports.event_log import Position
from evoke.ports.history import History, QueryLimits

_log = logging.getLogger(__name__)
_LIMITS = QueryLimits(rows=1_000_000, time_s=120.0, scan_bytes=1 << 40)

_LETTERS = """
SELECT topic, position, payload FROM job_events
WHERE type IN ('dead_lettered.v1', 'replayed.v1', 'purged.v1') ORDER BY topic, position
"""
_KEYED = """
SELECT topic, position, payload FROM job_events
WHERE type = 'requested.v1' AND job_id >= '{oldest}' AND payload LIKE '%"idempotency_key":"%'
ORDER BY position
"""


async def restore(view: HotView, history: History, tenants: Iterable[str], since_ms: int) -> None:
    """Fold what history knows of unfinished jobs, of keys since that Unix time in ms, and of letters.

    Raises Unavailable.
    """
    count = 0
    async for batch in history.unfinished():
        for events in _by_job(batch):
            view.restore(events)
            count += 1
    oldest = uuid7(max(0, since_ms), bytes(RANDOM_BYTES))
    for tenant in tenants:
        for _topic, _position, event in await _read(history, tenant, _KEYED.format(oldest=oldest)):
            if isinstance(event, Requested):
                view.keys.offer(event)
        for topic, position, event in await _read(history, tenant, _LETTERS):
            if isinstance(event, (DeadLettered, Replayed, Purged)):
                view.letters.fold(event, topic, position, None)
    _log.info(
        "restored from the archive",
        extra={"unfinished_jobs": count, "keys": len(view.keys), "dead_letters": len(view.letters)},
    )


def _by_job(batch: Iterable[AnyEvent]) -> Iterable[list[AnyEvent]]:
    jobs: dict[str, list[AnyEvent]] = {}
    for event in batch:
        jobs.setdefault(event.job_id, []).append(event)
    return jobs.values()


async def _read(history: History, tenant: str, sql: str) -> list[tuple[str, Position, AnyEvent]]:
    found = []
    try:
        result = await history.query(tenant, sql, _LIMITS)
    except QueryRefused as error:
        raise Unavailable(f"history can't tell keys and dead letters: {error}") from error
    for topic, position, payload in result.rows:
        try:
            found.append((str(topic), Position(str(position)), decode(str(payload).encode())))
        except UndecodableEvent as error:
            _log.warning(
                "an archived event could not be decoded", extra={"topic": topic, "error": str(error)[:200]}
            )
    return found
