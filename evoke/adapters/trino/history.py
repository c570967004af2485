"""`History` on Trino over the archive's Iceberg table."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from evoke.adapters.trino import listing
from evoke.adapters.trino.client import Session, session
from evoke.adapters.trino.errors import FilesGone, NoArchive, OutOfTime
from evoke.adapters.trino.place import Place
from evoke.adapters.trino.table import Partition, Table, Window, windows_back
from evoke.domain.errors import InvalidInput, QueryRefused, Unavailable
from evoke.domain.events import AnyEvent
from evoke.domain.ids import is_job_id
from evoke.domain.job import Job
from evoke.ports.event_log import Position
from evoke.ports.history import JobFilter, QueryLimits, QueryResult
from evoke.sql import answers
from evoke.sql.pages import Page
from evoke.sql.threads import Threads

CONCURRENT_READS = 16
CONCURRENT_QUERIES = 8
READ_S, START_S = 30.0, 300.0
"""Longest read, and longest statement of those that an API starts with."""
PATIENCE_S = 2.0
"""How long who gives up a read waits for Trino to confirm that it has ended."""
UNFINISHED_AT_ONCE = 5_000
"""Jobs whose events `unfinished` fetches at once."""
UNFINISHED_ROWS = 5_000_000
"""Rows among which Trino looks for unfinished jobs at once."""
PARTITIONS_S = 60.0
"""How long what is known of the sizes of partitions is good enough."""
_TRIES = 3

T = TypeVar("T")


class TrinoHistory:
    """See `History`. Each read is one statement, hence of one snapshot."""

    def __init__(self, place: Place) -> None:
        """Connects to nothing yet."""
        self._place = place
        self._table = Table(place.catalog, place.namespace)
        # Two more than may be at work: a look at the watermark never waits behind long queries.
        self._threads = Threads(CONCURRENT_READS + CONCURRENT_QUERIES + 2, PATIENCE_S)
        self._reads = asyncio.Semaphore(CONCURRENT_READS)
        self._queries = asyncio.Semaphore(CONCURRENT_QUERIES)
        self._partitions: Sequence[Partition] = ()
        self._partitions_from_s = float("-inf")
        self._partitions_lock = threading.Lock()
        self._closed = False

    async def watermark(self) -> Mapping[str, Position]:
        """See `History.watermark`."""
        self._check_open()
        return await self._asked(self._table.watermark, {}, READ_S)

    async def log(self) -> str | None:
        """See `History.log`."""
        self._check_open()
        return await self._asked(self._table.log, None, READ_S)

    async def events(self, tenant: str, job_id: str) -> Sequence[tuple[Position, AnyEvent]]:
        """See `History.events`. Reads one partition."""
        if not is_job_id(job_id):
            return []
        return await self._read(lambda asked: listing.events_of(asked, self._table, tenant, job_id), [])

    async def jobs(self, tenant: str, wanted: JobFilter, before: str | None, limit: int) -> Sequence[Job]:
        """See `History.jobs`. Raises InvalidInput when `before` is no job id."""
        if before is not None and not is_job_id(before):
            raise InvalidInput("before", "must be a job's id")
        if limit < 1:
            return []
        page = Page(tenant, wanted, before, limit)
        return await self._read(
            lambda asked: listing.jobs_page(asked, self._table, self._known_partitions(asked), page), []
        )

    async def unfinished(self) -> AsyncIterator[Sequence[AnyEvent]]:
        """See `History.unfinished`. Yields once for each job, the newest hours first."""
        self._check_open()
        none: list[Partition] = []
        partitions = await self._asked(self._table.partitions, none, READ_S)
        for window in windows_back(partitions, Window(), UNFINISHED_ROWS, UNFINISHED_ROWS):
            ids = await self._started(partial(listing.unfinished_ids, table=self._table, window=window))
            for start in range(0, len(ids), UNFINISHED_AT_ONCE):
                some = ids[start : start + UNFINISHED_AT_ONCE]
                for events in await self._started(
                    partial(listing.events_of_all, table=self._table, ids=some)
                ):
                    yield events

    async def query(self, tenant: str, sql: str, limits: QueryLimits) -> QueryResult:
        """See `History.query`. The SQL is Trino's dialect."""
        self._check_open()
        try:
            async with asyncio.timeout(limits.time_s), self._queries:
                return await self._query(tenant, sql, limits)
        except TimeoutError:
            raise answers.too_long(limits.time_s) from None

    async def close(self) -> None:
        """See `History.close`."""
        if self._closed:
            return
        self._closed = True
        await self._threads.close()

    async def _query(self, tenant: str, sql: str, limits: QueryLimits) -> QueryResult:
        # Imported with the first query: a process that never answers one does not pay for the SQL parser.
        from evoke.adapters.trino.query import Asked, run_query
        from evoke.sql.statement import read_statement

        asked = Asked(tenant, sql, limits, await self._threads.call(lambda: read_statement(sql)))
        return await self._tried(lambda opened: run_query(opened, self._place, self._table, asked))

    async def _read(self, work: Callable[[Session], T], nothing: T) -> T:
        self._check_open()
        async with self._reads:
            return await self._asked(work, nothing, READ_S)

    async def _started(self, work: Callable[[Session], list[T]]) -> list[T]:
        nothing: list[T] = []
        return await self._asked(work, nothing, START_S)

    async def _asked(self, work: Callable[[Session], T], nothing: T, time_s: float) -> T:
        """Do evoke's own work; `nothing` is the answer while there is no archive."""
        try:
            async with asyncio.timeout(time_s):
                return await self._tried(work)
        except NoArchive:
            return nothing
        except (TimeoutError, OutOfTime):
            raise Unavailable(f"Trino has not answered within {time_s:g} s") from None
        except QueryRefused as error:
            # No user wrote this SQL: Trino can't run it now, for want of memory or of permission.
            raise Unavailable(f"history can't be read now: {error}") from error

    async def _tried(self, work: Callable[[Session], T]) -> T:
        for _ in range(_TRIES):
            try:
                return await self._threads.run(partial(session, self._place), work)
            except FilesGone:
                continue
        raise Unavailable("the archive's files can't be read now")

    def _known_partitions(self, opened: Session) -> Sequence[Partition]:
        with self._partitions_lock:
            if time.monotonic() - self._partitions_from_s > PARTITIONS_S:
                self._partitions = self._table.partitions(opened)
                self._partitions_from_s = time.monotonic()
            return self._partitions

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("history is closed")
