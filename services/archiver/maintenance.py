"""What keeps the archive fast and the log short: compaction, expiry of snapshots, trimming."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evoke.domain.errors import Conflict, Unavailable
from evoke.ports.archive import Archive
from evoke.ports.event_log import EventLog, LogEntry, Position
from services.archiver.metrics import ArchiverMetrics
from services.archiver.rows import event_time_ms

log = logging.getLogger(__name__)

_PAGE = 1000
_TRIES = 5


@dataclass(frozen=True)
class Schedule:
    """every_s: between two rounds. grace_s: how long replaced files stay. retention_s: of archived log entries."""

    every_s: float
    grace_s: float
    retention_s: float


@dataclass(frozen=True)
class Upkeep:
    """What there is to keep: the archive, and the log up to what `archived` says is in the archive."""

    archive: Archive
    event_log: EventLog
    archived: Callable[[], Mapping[str, Position]]


async def maintain(upkeep: Upkeep, metrics: ArchiverMetrics, schedule: Schedule) -> None:
    """Do all of it, again and again, until cancelled. What fails is tried again in the next round."""
    while True:
        await asyncio.sleep(schedule.every_s)
        try:
            await upkeep.archive.compact()
            await expire(upkeep.archive, schedule.grace_s)
            trimmed = await trim(upkeep.event_log, upkeep.archived(), schedule.retention_s)
            size = await upkeep.archive.size()
        except (Conflict, Unavailable) as error:
            log.warning("maintenance put off", extra={"reason": str(error)})
            continue
        metrics.trims.inc(trimmed)
        metrics.files.set(size.files)
        metrics.size_bytes.set(size.size_bytes)
        metrics.snapshots.set(size.snapshots)


async def compact(archive: Archive) -> None:
    """Compact beside a working archiver. Raises Conflict when it was in the way every time."""
    for attempt in range(_TRIES):
        try:
            await archive.compact()
        except Conflict:
            if attempt == _TRIES - 1:
                raise
            await asyncio.sleep(0.1 * 2**attempt)
        else:
            return


async def expire(archive: Archive, grace_s: float) -> None:
    """Forget the snapshots that were replaced more than `grace_s` seconds ago. Raises Conflict, Unavailable."""
    await archive.expire_snapshots(time.time_ns() // 1_000_000 - int(grace_s * 1000))


async def trim(event_log: EventLog, archived: Mapping[str, Position], retention_s: float) -> int:
    """Let the log forget archived entries older than `retention_s` seconds; return how many topics were cut.

    archived: the watermark; what follows it stays, however old it is. It comes from the loop that commits: asking
    the archive here would make that loop's next commit look as if it had seen other writers'.
    Raises Unavailable, LogCorrupt.
    """
    cutoff_ms = time.time_ns() // 1_000_000 - int(retention_s * 1000)
    cut = 0
    for topic, position in tuple(archived.items()):
        cut += await _trim_topic(event_log, topic, position, cutoff_ms)
    return cut


async def _trim_topic(event_log: EventLog, topic: str, archived: Position, cutoff_ms: int) -> bool:
    """Read from the beginning what is to be forgotten, page by page: no index of times is needed."""
    cut = False
    while True:
        entries = await event_log.read(topic, None, _PAGE)
        kept = next((entry for entry in entries if not _old(entry, archived, cutoff_ms)), None)
        first_kept = kept if kept is not None else entries[-1] if entries else None
        if first_kept is None or first_kept.position == entries[0].position:
            return cut
        await event_log.trim(topic, first_kept.position)
        cut = True
        if kept is not None or len(entries) < _PAGE:
            return cut


def _old(entry: LogEntry, archived: Position, cutoff_ms: int) -> bool:
    time_ms = event_time_ms(entry)
    return entry.position <= archived and (time_ms is None or time_ms < cutoff_ms)
