"""`History` on DuckDB over the archive's Iceberg table."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb

from evoke.adapters.duckdb import listing
from evoke.adapters.duckdb.engine import FilesGone, Session, connect, session
from evoke.adapters.duckdb.plan import Plan, Span, chunks
from evoke.adapters.duckdb.table import TableReader
from evoke.domain.errors import InvalidInput, QueryRefused, Unavailable
from evoke.domain.events import AnyEvent
from evoke.domain.ids import is_job_id
from evoke.domain.job import Job
from evoke.ports.event_log import Position
from evoke.ports.history import JobFilter, QueryLimits, QueryResult
from evoke.sql import answers
from evoke.sql.pages import Page
from evoke.sql.threads import Threads

CONCURRENT_READS = 3
CONCURRENT_QUERIES = 2
UNFINISHED_AT_ONCE = 1000
"""Jobs whose events `unfinished` fetches at once."""
_FIRST_ROWS, _MOST_ROWS = 1_000_000, 2_000_000
_TRIES = 3

T = TypeVar("T")


class DuckDbHistory:
    """See `History`. Plans are cached by snapshot; a read whose files vanished under it is tried again."""

    def __init__(self, folder: Path) -> None:
        """Opens nothing yet. folder: the archive's; it need not exist."""
        self._reader = TableReader(folder)
        self._reading = threading.Lock()
        self._opening = threading.Lock()
        self._scratch = str(folder / "scratch")
        # Two more than may be at work: a look at the watermark never waits behind a long query.
        self._threads = Threads(CONCURRENT_READS + CONCURRENT_QUERIES + 2)
        self._reads = asyncio.Semaphore(CONCURRENT_READS)
        self._queries = asyncio.Semaphore(CONCURRENT_QUERIES)
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._closed = False

    @classmethod
    async def open(cls, folder: Path) -> DuckDbHistory:
        """Open the history in an archive's folder. An archive that does not exist yet reads as empty."""
        return cls(await asyncio.to_thread(folder.resolve))

    async def watermark(self) -> Mapping[str, Position]:
        """See `History.watermark`."""
        self._check_open()
        return (await self._threads.call(self._plan)).watermark

    async def log(self) -> str | None:
        """See `History.log`."""
        self._check_open()
        return (await self._threads.call(self._plan)).log

    async def events(self, tenant: str, job_id: str) -> Sequence[tuple[Position, AnyEvent]]:
        """See `History.events`."""
        if not is_job_id(job_id):
            return []
        return await self._read(lambda session, plan: listing.events_of(session, plan, tenant, job_id))

    async def jobs(self, tenant: str, wanted: JobFilter, before: str | None, limit: int) -> Sequence[Job]:
        """See `History.jobs`. Raises InvalidInput when `before` is no job id."""
        if before is not None and not is_job_id(before):
            raise InvalidInput("before", "must be a job's id")
        if limit < 1:
            return []
        page = Page(tenant, wanted, before, limit)
        return await self._read(lambda session, plan: listing.jobs_page(session, plan, page))

    async def unfinished(self) -> AsyncIterator[Sequence[AnyEvent]]:
        """See `History.unfinished`. Yields once for each job."""
        self._check_open()
        plan = await self._threads.call(self._plan)
        for chunk in chunks(plan.spans, _FIRST_ROWS, _MOST_ROWS):
            ids = await self._read(partial(_unfinished_ids, spans=chunk))
            for start in range(0, len(ids), UNFINISHED_AT_ONCE):
                some = ids[start : start + UNFINISHED_AT_ONCE]
                for events in await self._read(partial(_events_of_all, spans=chunk, ids=some)):
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
        if self._engine is not None:
            self._engine.close()

    async def _query(self, tenant: str, sql: str, limits: QueryLimits) -> QueryResult:
        # Imported with the first query: a process that never answers one does not pay for the SQL parser.
        from evoke.adapters.duckdb.query import Asked, run_query
        from evoke.sql.statement import read_statement

        asked = Asked(tenant, sql, limits, await self._threads.call(lambda: read_statement(sql)))
        open_connection = partial(connect, self._scratch)
        return await self._planned(open_connection, lambda session, plan: run_query(session, plan, asked))

    async def _read(self, work: Callable[[Session, Plan], T]) -> T:
        self._check_open()
        async with self._reads:
            try:
                return await self._planned(self._cursor, work)
            except QueryRefused as error:
                # No user wrote this SQL: the engine can't run it now, for want of memory or for a damaged file.
                raise Unavailable("history can't be read now") from error

    async def _planned(
        self, open_connection: Callable[[], duckdb.DuckDBPyConnection], work: Callable[[Session, Plan], T]
    ) -> T:
        for _ in range(_TRIES):
            try:
                return await self._threads.run(
                    partial(session, open_connection), lambda opened: work(opened, self._plan())
                )
            except FilesGone:
                await self._threads.call(self._forget)
        raise Unavailable("the archive's files are being replaced faster than they can be read")

    def _plan(self) -> Plan:
        with self._reading:
            return self._reader.plan()

    def _forget(self) -> None:
        with self._reading:
            self._reader.forget()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._engine is None:
                self._engine = connect(self._scratch)
            return self._engine.cursor()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("history is closed")


def _unfinished_ids(session: Session, plan: Plan, spans: Sequence[Span]) -> list[str]:
    files = listing.files_between(plan, spans)
    return listing.unfinished_ids(session, files) if files else []


def _events_of_all(
    session: Session, plan: Plan, spans: Sequence[Span], ids: Sequence[str]
) -> list[list[AnyEvent]]:
    files = listing.files_between(plan, spans)
    return [events for _, events in listing.events_by_job(session, files, ids)]
