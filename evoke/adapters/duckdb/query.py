"""A user's statement on an engine of its own, which sees the files of its plan and nothing else."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import msgspec
from sqlglot import exp

from evoke.adapters.duckdb.engine import Session, confine, translated
from evoke.adapters.duckdb.plan import Plan, PlannedFile, may_hold
from evoke.adapters.duckdb.pruning import stretch_of
from evoke.adapters.duckdb.results import json_value, wrapped
from evoke.adapters.duckdb.statement import Statement, position_of
from evoke.adapters.duckdb.views import definitions
from evoke.domain.errors import QueryRefused
from evoke.ports.history import QueryLimits, QueryResult

RESULT_BYTES = 64 << 20
"""Size of a result, as JSON, beyond which the query is refused."""
_FIRST_FETCH, _MOST_FETCH = 8, 1000


@dataclass(frozen=True)
class Asked:
    """A query as it was asked, and the statement that was read from it."""

    tenant: str
    text: str
    limits: QueryLimits
    statement: Statement


def run_query(session: Session, plan: Plan, asked: Asked) -> QueryResult:
    """Run a checked statement on a fresh connection. Raises QueryRefused, Unavailable, FilesGone."""
    started_s = time.monotonic()
    files = _needed(session, plan, asked)
    for definition in definitions(files, asked.tenant):
        session.execute(definition)
    confine(session.connection, [file.path for file in files])
    answer = _explained if asked.statement.explain else _answered
    try:
        columns, rows = answer(session, asked.statement, asked.limits.rows + 1)
    except QueryRefused as error:
        raise QueryRefused(_placed(str(error), asked.text)) from error
    return QueryResult(
        columns=columns,
        rows=rows[: asked.limits.rows],
        truncated=len(rows) > asked.limits.rows,
        elapsed_ms=(time.monotonic() - started_s) * 1000,
    )


def _needed(session: Session, plan: Plan, asked: Asked) -> list[PlannedFile]:
    """Return the files that the statement has to read. Raises QueryRefused when they are too large."""
    stretch = stretch_of(asked.statement.tree, partial(_evaluated, session))
    if stretch is None:
        return []
    files = [
        file
        for span in plan.between(stretch.low_ms, stretch.high_ms)
        for file in span.files
        if may_hold(file, asked.tenant) and stretch.overlaps(file.start_ms, file.end_ms)
    ]
    size_bytes = sum(file.size_bytes for file in files)
    if size_bytes > asked.limits.scan_bytes:
        raise QueryRefused(
            f"the query would read {size_bytes:,} bytes, more than the limit of {asked.limits.scan_bytes:,}: "
            "compare created_at (in job_events: job_time) with constants to read less"
        )
    return files


def _evaluated(session: Session, value: exp.Expr) -> float | None:
    """Return the Unix ms of a constant expression, None when it is no time."""
    constant = value.sql(dialect="duckdb")
    try:
        found = session.rows(f"SELECT epoch_us(CAST({constant} AS TIMESTAMPTZ)) / CAST(1000 AS DOUBLE)")[0][0]
    except QueryRefused:
        return None
    return None if found is None else float(found)


Answer = tuple[list[tuple[str, str]], list[list[Any]]]
"""Columns and rows."""


def _explained(session: Session, statement: Statement, limit: int) -> Answer:
    rows = session.rows(f"EXPLAIN {statement.sql}")
    return [("plan", "varchar")], [[plan] for _, plan in rows[:limit]]


def _answered(session: Session, statement: Statement, limit: int) -> Answer:
    described = session.rows(f"DESCRIBE {statement.sql}")
    types = [str(row[1]) for row in described]
    answer = session.execute(wrapped(statement.sql, types, limit))
    rows: list[list[Any]] = []
    size_bytes, count = 0, _FIRST_FETCH
    while fetched := _fetch(answer, count):
        for values in fetched:
            rows.append([json_value(value, kind) for value, kind in zip(values, types, strict=True)])
            size_bytes += len(msgspec.json.encode(rows[-1]))
        if size_bytes > RESULT_BYTES:
            raise QueryRefused(f"the result is larger than the limit of {RESULT_BYTES:,} bytes")
        # Rows may be large: never hold more than a fraction of the limit that is not counted yet.
        count = max(1, min(_MOST_FETCH, RESULT_BYTES // 8 // (size_bytes // len(rows) + 1)))
    return [(str(row[0]), kind.lower()) for row, kind in zip(described, types, strict=True)], rows


def _fetch(answer: duckdb.DuckDBPyConnection, count: int) -> list[tuple[Any, ...]]:
    try:
        return answer.fetchmany(count)
    except duckdb.Error as error:
        raise translated(error) from error


def _placed(message: str, sql: str) -> str:
    """Put before an engine's message the place in the user's SQL of the first name that it quotes."""
    for name in re.findall(r"[\"'](\w+)[\"']", message):
        if place := position_of(sql, name):
            return place + message
    return message
