"""A user's statement on Trino: as a user of the tenant's own, over the views, within limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from sqlglot import exp

from evoke.adapters.trino import views
from evoke.adapters.trino.client import Column, Session
from evoke.adapters.trino.errors import NoArchive, OutOfTime
from evoke.adapters.trino.place import Place
from evoke.adapters.trino.table import Table, Window
from evoke.adapters.trino.values import converter
from evoke.domain.errors import QueryRefused
from evoke.ports.history import QueryLimits, QueryResult
from evoke.sql import answers
from evoke.sql.pruning import stretch_of
from evoke.sql.statement import Statement, written
from evoke.sql.views import VIEWS

Answer = tuple[list[tuple[str, str]], list[list[Any]]]
"""Columns and rows."""


@dataclass(frozen=True)
class Asked:
    """A query as it was asked, and the statement that was read from it."""

    tenant: str
    text: str
    limits: QueryLimits
    statement: Statement


class TenantSession:
    """A session in the name of a tenant's user, with the limits of a query, which Trino enforces too."""

    def __init__(self, session: Session, place: Place, asked: Asked) -> None:
        self._session = session
        self._user = place.user_of(asked.tenant)
        self._properties = {
            "query_max_run_time": f"{max(1, round(asked.limits.time_s * 1000))}ms",
            "query_max_scan_physical_bytes": f"{asked.limits.scan_bytes}B",
        }

    def answer(self, sql: str, limit: int) -> Answer:
        """Return the columns and the first rows of a statement. Raises QueryRefused beyond the size of a result."""
        columns: list[Column] = []
        rows: list[list[Any]] = []
        size_bytes = 0
        with closing(self._session.batches(sql, self._user, self._properties)) as batches:
            for batch in batches:
                columns = columns or list(batch.columns)
                fresh = list(_converted(columns, batch.rows[: limit - len(rows)]))
                size_bytes += len(msgspec.json.encode(fresh))
                if size_bytes > answers.RESULT_BYTES:
                    raise answers.too_large()
                rows.extend(fresh)
                if len(rows) >= limit:
                    break
        return [(str(column["name"]), str(column["type"]).lower()) for column in columns], rows

    def time_ms(self, value: exp.Expr) -> float | None:
        """Return the Unix ms of a constant expression, None when it is no time."""
        constant = written(_adapted(value), "trino")
        sql = f"SELECT to_unixtime(CAST({constant} AS TIMESTAMP(6) WITH TIME ZONE)) * 1000"
        try:
            found = self._session.rows(sql, self._user, self._properties)[0][0]
        except QueryRefused:
            return None
        return None if found is None else float(found)


def run_query(session: Session, place: Place, table: Table, asked: Asked) -> QueryResult:
    """Run a checked statement. Raises QueryRefused, Unavailable, FilesGone."""
    started_s = time.monotonic()
    own = TenantSession(session, place, asked)
    try:
        columns, rows = _answered(session, own, table, asked)
    except QueryRefused as error:
        raise QueryRefused(answers.placed(str(error), asked.text)) from error
    except OutOfTime:
        raise answers.too_long(asked.limits.time_s) from None
    return QueryResult(
        columns=columns,
        rows=rows[: asked.limits.rows],
        truncated=len(rows) > asked.limits.rows,
        elapsed_ms=(time.monotonic() - started_s) * 1000,
    )


def _answered(session: Session, own: TenantSession, table: Table, asked: Asked) -> Answer:
    answer = partial(_WANTED[asked.statement.wanted], own, asked)
    stretch = stretch_of(asked.statement.tree, own.time_ms)
    window = None if stretch is None else Window(stretch.low_ms, stretch.high_ms)
    if window is None or window.empty:
        return answer(views.nothing())
    try:
        size_bytes = table.size_bytes(session, asked.tenant, window)
        if size_bytes > asked.limits.scan_bytes:
            raise answers.too_much_to_read(size_bytes, asked.limits.scan_bytes)
        return answer(views.job_events(table, asked.tenant, window))
    except NoArchive:
        return answer(views.nothing())


def _rows(own: TenantSession, asked: Asked, source: str) -> Answer:
    return own.answer(statement_over(asked.statement.tree, source), asked.limits.rows + 1)


def _plan(own: TenantSession, asked: Asked, source: str) -> Answer:
    _, rows = own.answer(f"EXPLAIN {statement_over(asked.statement.tree, source)}", asked.limits.rows + 1)
    return [("plan", "varchar")], rows


def _columns(own: TenantSession, asked: Asked, source: str) -> Answer:
    columns, _ = own.answer(statement_over(asked.statement.tree, source), 1)
    return [("column", "varchar"), ("type", "varchar")], [list(column) for column in columns]


_WANTED = {"rows": _rows, "plan": _plan, "columns": _columns}


def statement_over(tree: exp.Query, source: str) -> str:
    """Return a user's statement with the views that it names before it. source: the SQL of `job_events`."""
    tree = tree.copy()
    named = {table.name.lower() for table in tree.find_all(exp.Table)} & set(VIEWS)
    own = tree.args.get("with_")
    tree.set("with_", None)
    recursive = own is not None and own.args.get("recursive")
    parts = views.expressions(named, source)
    parts += [written(_adapted(part), "trino") for part in own.expressions] if own is not None else []
    beginning = f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(parts)} " if parts else ""
    return beginning + written(_adapted(tree), "trino")


def _adapted(tree: exp.Expr) -> exp.Expr:
    return tree.transform(_rewritten)


def _rewritten(node: exp.Expr) -> exp.Expr:
    """Say what the engines take differently as the documentation has it."""
    if isinstance(node, exp.Anonymous) and node.name.lower() == "at_timezone" and len(node.expressions) == 2:
        node = exp.AtTimeZone(this=node.expressions[0], zone=node.expressions[1])
    if isinstance(node, exp.AtTimeZone) and not isinstance(node.parent, exp.Cast):
        # Local time without a zone, as on the embedded engine.
        return exp.cast(node.copy(), exp.DataType.build("timestamp(6)", dialect="trino"))
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.to.this in _TIMES:
        # A literal has the digits that are written; a cast without precision would cut them to milliseconds.
        return exp.Cast(this=node.this, to=exp.DataType.build(_TIMES[node.to.this], dialect="trino"))
    return node


_TIMES = {
    exp.DataType.Type.TIMESTAMP: "timestamp(6)",
    exp.DataType.Type.TIMESTAMPTZ: "timestamp(6) with time zone",
}


def _converted(columns: list[Column], rows: Any) -> Iterator[list[Any]]:
    converters = [converter(column["typeSignature"]) for column in columns]
    for row in rows:
        yield [convert(value) for convert, value in zip(converters, row, strict=True)]
