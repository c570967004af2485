"""A user's statement on an engine of its own, which sees the files of its plan and nothing else."""

from __future__ import annotations

import re
import time
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
_FETCH_ROWS = 500


def run_query(
    session: Session, plan: Plan, tenant: str, statement: Statement, text: str, limits: QueryLimits
) -> QueryResult:
    """Run a checked statement on a fresh connection. Raises QueryRefused, Unavailable, FilesGone."""
    started = time.monotonic()
    files = _needed(session, plan, tenant, statement, limits)
    for definition in definitions(files, tenant):
        session.execute(definition)
    confine(session.connection, [file.path for file in files])
    try:
        columns, rows, truncated = (
            _explained(session, statement) if statement.explain else _answer(session, statement, limits.rows)
        )
    except QueryRefused as error:
        raise QueryRefused(_placed(str(error), text)) from error
    elapsed_ms = (time.monotonic() - started) * 1000
    return QueryResult(columns=columns, rows=rows, truncated=truncated, elapsed_ms=elapsed_ms)


def _needed(
    session: Session, plan: Plan, tenant: str, statement: Statement, limits: QueryLimits
) -> list[PlannedFile]:
    def evaluate(value: exp.Expr) -> float | None:
        sql = f"SELECT epoch_us(CAST({value.sql(dialect='duckdb')} AS TIMESTAMPTZ)) / CAST(1000 AS DOUBLE)"
        try:
            found = session.rows(sql)[0][0]
        except QueryRefused:
            return None
        return None if found is None else float(found)

    stretch = stretch_of(statement.tree, evaluate)
    spans = plan.between(stretch.low_ms, stretch.high_ms) if stretch is not None else ()
    files = [
        file
        for span in spans
        for file in span.files
        if may_hold(file, tenant) and stretch is not None and stretch.overlaps(file.start_ms, file.end_ms)
    ]
    size_bytes = sum(file.size_bytes for file in files)
    if size_bytes > limits.scan_bytes:
        raise QueryRefused(
            f"the query would read {size_bytes:,} bytes, more than the limit of {limits.scan_bytes:,}: "
            "compare created_at (in job_events: job_time) with constants to read less"
        )
    return files


def _explained(session: Session, statement: Statement) -> tuple[list[tuple[str, str]], list[list[Any]], bool]:
    rows = session.rows(f"EXPLAIN {statement.sql}")
    return [("plan", "varchar")], [[plan] for _, plan in rows], False


def _answer(
    session: Session, statement: Statement, limit: int
) -> tuple[list[tuple[str, str]], list[list[Any]], bool]:
    described = session.rows(f"DESCRIBE {statement.sql}")
    names = [str(row[0]) for row in described]
    types = [str(row[1]) for row in described]
    answer = session.execute(wrapped(statement.sql, types, limit + 1))
    rows: list[list[Any]] = []
    size_bytes = 0
    while fetched := _fetch(answer):
        for values in fetched:
            rows.append([json_value(value, kind) for value, kind in zip(values, types, strict=True)])
            size_bytes += len(msgspec.json.encode(rows[-1]))
        if size_bytes > RESULT_BYTES:
            raise QueryRefused(f"the result is larger than the limit of {RESULT_BYTES:,} bytes")
    columns = [(name, kind.lower()) for name, kind in zip(names, types, strict=True)]
    return columns, rows[:limit], len(rows) > limit


def _fetch(answer: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    try:
        return answer.fetchmany(_FETCH_ROWS)
    except duckdb.Error as error:
        raise translated(error) from error


def _placed(message: str, sql: str) -> str:
    """Put before an engine's message the place in the user's SQL of the first name that it quotes."""
    for name in re.findall(r"[\"'](\w+)[\"']", message):
        if place := position_of(sql, name):
            return place + message
    return message
