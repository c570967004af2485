"""A user's statement on an engine of its own, which sees the files of its plan and nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import msgspec
from sqlglot import exp

from evoke.adapters.duckdb.engine import Session, confine, translated
from evoke.adapters.duckdb.plan import Plan, PlannedFile, may_hold
from evoke.adapters.duckdb.results import json_value, wrapped
from evoke.adapters.duckdb.views import definitions
from evoke.domain.errors import QueryRefused
from evoke.ports.history import QueryLimits, QueryResult
from evoke.sql import answers
from evoke.sql.pruning import stretch_of
from evoke.sql.statement import Statement, written

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
    try:
        columns, rows = _ANSWERS[asked.statement.wanted](
            session, _said(asked.statement), asked.limits.rows + 1
        )
    except QueryRefused as error:
        raise QueryRefused(answers.placed(str(error), asked.text)) from error
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
        raise answers.too_much_to_read(size_bytes, asked.limits.scan_bytes)
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


def _said(statement: Statement) -> str:
    return written(statement.tree.transform(_rewritten), "duckdb")


def _rewritten(node: exp.Expr) -> exp.Expr:
    """Say what sqlglot does not translate."""
    if isinstance(node, exp.Anonymous) and node.name.lower() == "at_timezone" and len(node.expressions) == 2:
        return exp.AtTimeZone(this=node.expressions[0], zone=node.expressions[1])
    if isinstance(node, exp.Anonymous) and node.name.lower() in ("nan", "infinity") and not node.expressions:
        return exp.cast(exp.Literal.string(node.name.lower()), exp.DataType.Type.DOUBLE)
    return node


def _explained(session: Session, sql: str, limit: int) -> Answer:
    rows = session.rows(f"EXPLAIN {sql}")
    return [("plan", "varchar")], [[plan] for _, plan in rows[:limit]]


def _described(session: Session, sql: str, limit: int) -> Answer:
    rows = session.rows(f"DESCRIBE {sql}")
    columns = [("column", "varchar"), ("type", "varchar")]
    return columns, [[str(row[0]), str(row[1]).lower()] for row in rows[:limit]]


def _answered(session: Session, sql: str, limit: int) -> Answer:
    described = session.rows(f"DESCRIBE {sql}")
    types = [str(row[1]) for row in described]
    answer = session.execute(wrapped(sql, types, limit))
    rows: list[list[Any]] = []
    size_bytes, count = 0, _FIRST_FETCH
    while fetched := _fetch(answer, count):
        for values in fetched:
            rows.append([json_value(value, kind) for value, kind in zip(values, types, strict=True)])
            size_bytes += len(msgspec.json.encode(rows[-1]))
        if size_bytes > answers.RESULT_BYTES:
            raise answers.too_large()
        # Rows may be large: never hold more than a fraction of the limit that is not counted yet.
        count = max(1, min(_MOST_FETCH, answers.RESULT_BYTES // 8 // (size_bytes // len(rows) + 1)))
    return [(str(row[0]), kind.lower()) for row, kind in zip(described, types, strict=True)], rows


def _fetch(answer: duckdb.DuckDBPyConnection, count: int) -> list[tuple[Any, ...]]:
    try:
        return answer.fetchmany(count)
    except duckdb.Error as error:
        raise translated(error) from error


_ANSWERS = {"rows": _answered, "plan": _explained, "columns": _described}
