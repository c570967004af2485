"""SQL over everything that ever happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import msgspec

from evoke.domain.errors import InvalidInput, QueryRefused, Unavailable
from evoke.ports.history import QueryLimits, QueryResult
from services.api.context import Context
from services.api.exchange import AnyReply, Exchange, Reply
from services.api.json_door import read_json
from services.api.operations import Answer, Operation
from services.api.problems import Refusal
from services.api.tokens import parse_position

_AT_ONCE = 2
_WAITING = 16
_MOST_SQL = 100_000
_POLL_S = 0.1


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One read-only statement. rows: most rows to return. min_position: wait until that much is archived."""

    sql: str
    rows: int | None = None
    min_position: str | None = None


class Column(msgspec.Struct, frozen=True):
    """A column of the result. type: by the engine's SQL."""

    name: str
    type: str


class QueryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """truncated: there were more rows than were asked for or are allowed."""

    columns: list[Column]
    rows: list[list[Any]]
    truncated: bool
    elapsed_ms: float


_decoder = msgspec.json.Decoder(Query)
_Result = TypeVar("_Result")


class QueryRoutes:
    """`POST /v1/query`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def query(self, exchange: Exchange) -> AnyReply:
        """Run one statement; a client that goes away stops it."""
        settings = self._context.settings
        asked = await read_json(exchange, _decoder, settings.max_body_bytes)
        if not asked.sql.strip() or len(asked.sql) > _MOST_SQL:
            raise InvalidInput("sql", f"must have 1 to {_MOST_SQL} characters")
        if asked.rows is not None and not 1 <= asked.rows <= settings.query_rows:
            raise InvalidInput("rows", f"must lie in 1..{settings.query_rows}")
        limits = QueryLimits(
            rows=asked.rows or settings.query_rows,
            time_s=settings.query_time_s,
            scan_bytes=settings.query_scan_bytes,
        )
        result = await while_connected(exchange, self._run(exchange.tenant, asked, limits))
        said = QueryDocument(
            columns=[Column(name, kind) for name, kind in result.columns],
            rows=[list(row) for row in result.rows],
            truncated=result.truncated,
            elapsed_ms=result.elapsed_ms,
        )
        return Reply(200, msgspec.json.encode(said))

    async def _run(self, tenant: str, asked: Query, limits: QueryLimits) -> QueryResult:
        if self._waiting >= _WAITING:
            raise Unavailable("too many queries wait already", retry_after_s=5)
        self._waiting += 1
        try:
            await self._reach(asked)
            async with asyncio.timeout(limits.time_s), self._places:
                return await self._context.history.query(tenant, asked.sql, limits)
        except TimeoutError:
            raise QueryRefused(f"the query took longer than {limits.time_s:g} s, its limit") from None
        finally:
            self._waiting -= 1

    async def _reach(self, asked: Query) -> None:
        """Wait until history has archived the position. Raises InvalidInput, Unavailable."""
        if asked.min_position is None:
            return
        topic, position = parse_position(asked.min_position)
        if topic not in self._context.view.arrivals.cursors:
            raise InvalidInput("min_position", "is no position of this log")
        try:
            async with asyncio.timeout(self._context.settings.position_wait_s):
                while (await self._context.history.watermark()).get(topic, "") < position:  # noqa: ASYNC110  # another process archives
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise Unavailable("that position is not archived yet") from None

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="POST",
                path="/v1/query",
                handler=self.query,
                scope="query",
                tag="history",
                summary="Query history by SQL",
                said="Read-only SQL over `jobs`, `job_events`, `usage` and `failures`, of this tenant alone. What it "
                "sees is some seconds old; `min_position` waits for a position to be archived.",
                body=Query,
                body_example={"sql": "SELECT status, count(*) AS jobs FROM jobs GROUP BY status"},
                answers={200: Answer(said="The rows.", body=QueryDocument, example=_EXAMPLE)},
                refusals=(400, 413, 415, 422, 503),
            ),
        )


async def while_connected(exchange: Exchange, work: Awaitable[_Result]) -> _Result:
    """Do the work, unless the client goes away first: then it is cancelled. Raises Refusal then."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(exchange.gone())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Refusal(400, "disconnected", "the client went away")
        return await working
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


_EXAMPLE = {
    "columns": [{"name": "status", "type": "VARCHAR"}, {"name": "jobs", "type": "BIGINT"}],
    "rows": [["succeeded", 41], ["failed", 1]],
    "truncated": False,
    "elapsed_ms": 12.5,
}
