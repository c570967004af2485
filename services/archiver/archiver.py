"""The loop from log to archive.

State lives in the archive alone: its watermark says where to go on. Whatever goes wrong, the loop starts anew from
there, so that a row is neither lost nor written twice, wherever the process was killed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from evoke.continuity import RESTORED, require_continued
from evoke.domain.errors import Conflict, Unavailable
from evoke.ports.archive import UNDECODABLE, Archive, EventRow
from evoke.ports.event_log import EventLog, LogEntry, Position
from evoke.ports.trace_sink import TraceSink
from services.archiver.batch import Batch, Pace, watermark_of
from services.archiver.commit_trace import tell_commit
from services.archiver.metrics import ArchiverMetrics
from services.archiver.rows import event_time_ms, row_of

log = logging.getLogger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 15.0

_GATHER_S = 0.1
_MANY = 400
"""The log wakes its readers at every commit, which may hold one entry. Nobody waits for the archive like that: so it
lets entries gather for a moment before it reads on, unless the last batch was so large that it is behind."""


class Archiver:
    """Follows the topics of some queues into the archive. While one batch is committed, the next one is read."""

    def __init__(  # noqa: PLR0913, PLR0917  # what it works with
        self,
        event_log: EventLog,
        archive: Archive,
        queues: Mapping[str, str],
        pace: Pace,
        metrics: ArchiverMetrics,
        reach: Callable[[str], None],
        traces: TraceSink | None = None,
    ) -> None:
        """queues: of every topic that is followed, the queue. reach: passes the failpoint of that name.

        traces: where commits are told, None: nowhere.
        """
        self._traces = traces
        self._log = event_log
        self._archive = archive
        self._queues = queues
        self._pace = pace
        self._metrics = metrics
        self._reach = reach
        self._archived: dict[str, Position] = {}
        self._identity: str | None = None

    @property
    def archived(self) -> Mapping[str, Position]:
        """The watermark as of this process's last look or commit: at least so much is archived."""
        return self._archived

    async def run(self, stop: asyncio.Event) -> None:
        """Archive until `stop` is set, then commit what was read and return. Raises LogCorrupt, LogReplaced."""
        wait_s = _FIRST_WAIT_S
        while not stop.is_set():
            started_s = time.monotonic()
            try:
                await self._follow(stop)
            except Conflict as error:
                self._metrics.conflicts.inc()
                log.warning("another writer has committed: going on from there", extra={"reason": str(error)})
            except Unavailable as error:
                self._metrics.failures.inc()
                log.warning("cannot archive now: trying again", extra={"reason": str(error)})
            if time.monotonic() - started_s > _LONGEST_WAIT_S:
                wait_s = _FIRST_WAIT_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
            wait_s = min(_LONGEST_WAIT_S, wait_s * 2)

    async def _follow(self, stop: asyncio.Event) -> None:
        self._archived = {}  # until it is known of which log that is, nothing may be trimmed by it
        await self._archive.prepare()
        watermark = await self._archive.watermark()
        cursors = {topic: watermark.get(topic) for topic in self._queues}
        self._identity = await require_continued(self._log, await self._archive.log(), cursors)
        self._archived = dict(watermark)
        tail = self._log.tail(cursors)
        following: asyncio.Future[Sequence[LogEntry]] = asyncio.ensure_future(next_batch(tail, 0))
        stopping = asyncio.create_task(stop.wait())
        batch = Batch(self._pace)
        committing: asyncio.Task[None] | None = None
        self._metrics.oldest_waiting_seconds.set_function(lambda: _age_s(batch))
        try:
            while not stop.is_set():
                awaited: set[asyncio.Future[Any]] = {stopping}
                awaited |= set() if batch.full else {following}
                awaited |= set() if committing is None else {committing}
                due_s = None if committing else batch.due_in_s(time.monotonic())
                await asyncio.wait(awaited, timeout=due_s, return_when=asyncio.FIRST_COMPLETED)
                if committing is not None and committing.done():
                    committing.result()
                    committing = None
                if following.done() and not batch.full:
                    following = self._taken(following, batch, tail)
                if committing is None and batch.due_in_s(time.monotonic()) == 0:
                    committing = asyncio.create_task(self._commit(batch.take()))
            await self._commit_rest(batch, committing)
        finally:
            self._metrics.waiting.set(0)
            if committing is not None:  # its thread goes on whatever happens here
                await asyncio.wait({committing})
            await _end(tail, following, stopping)

    def _taken(
        self,
        following: asyncio.Future[Sequence[LogEntry]],
        batch: Batch,
        tail: AsyncIterator[Sequence[LogEntry]],
    ) -> asyncio.Future[Sequence[LogEntry]]:
        """Take what the tail has brought; ask it for more."""
        entries = following.result()
        batch.add(entries, time.monotonic())
        self._metrics.waiting.set(len(batch))
        gather_s = _GATHER_S if len(entries) < _MANY else 0
        return asyncio.ensure_future(next_batch(tail, gather_s))

    async def _commit_rest(self, batch: Batch, committing: asyncio.Task[None] | None) -> None:
        """Commit all that was read."""
        if committing is not None:
            await committing
        while batch:
            await self._commit(batch.take())

    async def _commit(self, entries: Sequence[LogEntry]) -> None:
        now_ms = time.time_ns() // 1_000_000
        # What a restore has told again is archived since before the log was lost.
        rows = [row_of(entry, self._queues, now_ms) for entry in entries if RESTORED not in entry.properties]
        self._reach("archiver.before_commit")
        start_ns = time.time_ns()
        with self._metrics.commit_seconds.time():
            await self._archive.commit(rows, watermark_of(entries), self._identity)
        if self._traces is not None:
            tell_commit(self._traces, entries, start_ns)
        self._archived.update(watermark_of(entries))
        self._reach("archiver.after_commit")
        self._count(rows)

    def _count(self, rows: Sequence[EventRow]) -> None:
        if not rows:
            return
        oldest_ms = min(row.time_ms for row in rows)
        lag_s = max(0.0, time.time() - oldest_ms / 1000)
        self._metrics.rows.inc(len(rows))
        self._metrics.undecodable.inc(sum(row.type == UNDECODABLE for row in rows))
        self._metrics.lag_seconds.set(lag_s)
        log.debug("committed", extra={"rows": len(rows), "lag_s": round(lag_s, 3)})


def _age_s(batch: Batch) -> float:
    """Seconds since the first of what waits happened."""
    first_ms = None if batch.first is None else event_time_ms(batch.first)
    return 0.0 if first_ms is None else max(0.0, time.time() - first_ms / 1000)


async def next_batch(tail: AsyncIterator[Sequence[LogEntry]], gather_s: float) -> Sequence[LogEntry]:
    """The tail's next batch, of what has come after so many seconds."""
    await asyncio.sleep(gather_s)
    return await anext(tail)


async def _end(
    tail: AsyncIterator[Sequence[LogEntry]],
    following: asyncio.Future[Sequence[LogEntry]],
    stopping: asyncio.Task[bool],
) -> None:
    """Close the tail, whatever it is at."""
    for task in (following, stopping):
        task.cancel()
    await asyncio.gather(following, stopping, return_exceptions=True)
    if (close := getattr(tail, "aclose", None)) is not None:
        await close()
