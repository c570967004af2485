"""How much of the table a statement needs: the stretch of job times that its WHERE clauses leave.

Only what is certain narrows it: top-level AND terms of a SELECT over a single view that compare its time or its id
with constants. Anything else reads everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp

from evoke.domain.errors import InvalidInput
from evoke.domain.ids import job_time_ms
from evoke.sql.views import VIEWS

Evaluate = Callable[[exp.Expr], float | None]
"""The Unix time in ms of a constant expression, None when it has none."""

_HOUR_MS = 3_600_000
_DAY = r"\d{4}-\d\d-\d\d"
_LITERALS = {
    exp.DataType.Type.TIMESTAMP: re.compile(rf"{_DAY}( \d\d:\d\d:\d\d(\.\d{{3}}|\.\d{{6}})?)?"),
    exp.DataType.Type.DATE: re.compile(_DAY),
}
_TIME_COLUMNS = {"jobs": "created_at", "failures": "created_at", "usage": "hour", "job_events": "job_time"}
_ID_COLUMNS = {"jobs": "id", "failures": "job_id", "job_events": "job_id"}
_CONSTANT = (
    exp.Literal,
    exp.Cast,
    exp.DataType,
    exp.DataTypeParam,
    exp.Neg,
    exp.Paren,
    exp.Add,
    exp.Sub,
    exp.Interval,
    exp.Var,
    exp.CurrentTimestamp,
    exp.CurrentDate,
    exp.TimestampTrunc,
    exp.DateTrunc,
    exp.DateAdd,
    exp.DateSub,
    exp.FromISO8601Timestamp,
)
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.EQ: exp.EQ,
}


@dataclass(frozen=True)
class Stretch:
    """Unix ms of job times, both inclusive; None: without bound."""

    low_ms: int | None = None
    high_ms: int | None = None

    def narrowed(self, other: Stretch) -> Stretch:
        """Return what is in both."""
        lows = [low for low in (self.low_ms, other.low_ms) if low is not None]
        highs = [high for high in (self.high_ms, other.high_ms) if high is not None]
        return Stretch(max(lows, default=None), min(highs, default=None))

    def widened(self, other: Stretch) -> Stretch:
        """Return one stretch that holds both."""
        low = None if None in (self.low_ms, other.low_ms) else min(self.low_ms or 0, other.low_ms or 0)
        high = None if None in (self.high_ms, other.high_ms) else max(self.high_ms or 0, other.high_ms or 0)
        return Stretch(low, high)

    def overlaps(self, first_ms: int, last_ms: int) -> bool:
        """Tell whether any time from first_ms to last_ms, inclusive, is in it."""
        below = self.low_ms is not None and last_ms < self.low_ms
        return not below and (self.high_ms is None or first_ms <= self.high_ms)


NOTHING = Stretch(1 << 48, -1)
"""No time at all; widened by anything it is just that."""


def stretch_of(tree: exp.Query, evaluate: Evaluate) -> Stretch | None:
    """Return the job times that a statement may need; None when it reads no view."""
    found: Stretch | None = None
    for table in tree.find_all(exp.Table):
        if table.name.lower() not in VIEWS:
            continue
        needed = _of_table(table, evaluate)
        found = needed if found is None else found.widened(needed)
    return found


def _of_table(table: exp.Table, evaluate: Evaluate) -> Stretch:
    select = table.parent_select
    if not isinstance(select, exp.Select) or not _is_only_source(select, table):
        return Stretch()
    where = select.args.get("where")
    needed = Stretch()
    for term in _terms(where.this) if where is not None else ():
        needed = needed.narrowed(_of_term(term, table, evaluate))
    return needed


def _is_only_source(select: exp.Select, table: exp.Table) -> bool:
    source = select.args.get("from_") or select.args.get("from")
    return (
        source is not None
        and source.this is table
        and not select.args.get("joins")
        and not (select.args.get("laterals"))
    )


def _terms(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.Paren):
        yield from _terms(condition.this)
    elif isinstance(condition, exp.And):
        yield from _terms(condition.left)
        yield from _terms(condition.right)
    else:
        yield condition


def _of_term(term: exp.Expr, table: exp.Table, evaluate: Evaluate) -> Stretch:
    if isinstance(term, exp.Between) and _is_time(term.this, table):
        low = _compared(exp.GTE, term.args["low"], table, evaluate)
        return low.narrowed(_compared(exp.LTE, term.args["high"], table, evaluate))
    if isinstance(term, exp.In) and _is_id(term.this, table) and term.expressions:
        first, *others = (_of_id(value) for value in term.expressions)
        for other in others:
            first = first.widened(other)
        return first
    if isinstance(term, exp.Binary) and type(term) in _MIRRORED:
        return _of_comparison(term, table, evaluate)
    return Stretch()


def _of_comparison(term: exp.Binary, table: exp.Table, evaluate: Evaluate) -> Stretch:
    sides = ((term.left, term.right, type(term)), (term.right, term.left, _MIRRORED[type(term)]))
    for column, value, operator in sides:
        if _is_time(column, table):
            return _compared(operator, value, table, evaluate)
        if _is_id(column, table):
            return _compared_id(operator, value, table)
    return Stretch()


def _compared(operator: type[exp.Expr], value: exp.Expr, table: exp.Table, evaluate: Evaluate) -> Stretch:
    time_ms = _of_literal(value)
    if time_ms is None and all(isinstance(node, _CONSTANT) for node in value.walk()):
        time_ms = evaluate(value)
    if time_ms is None:
        return Stretch()
    margin_ms = _HOUR_MS if table.name.lower() == "usage" else 0
    low = math.floor(time_ms) if operator in (exp.GT, exp.GTE, exp.EQ) else None
    high = math.ceil(time_ms) + margin_ms if operator in (exp.LT, exp.LTE, exp.EQ) else None
    return Stretch(low, high)


def _of_literal(value: exp.Expr) -> float | None:
    """The Unix time in ms of a plain literal in UTC, which needs no engine."""
    if not (isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal)):
        return None
    form = _LITERALS.get(value.to.this)
    if form is None or form.fullmatch(value.this.this) is None:
        return None
    try:
        return datetime.fromisoformat(value.this.this).replace(tzinfo=UTC).timestamp() * 1000
    except ValueError:
        return None


def _compared_id(operator: type[exp.Expr], value: exp.Expr, table: exp.Table) -> Stretch:
    """Ids order as their times do, but for the empty id of letters without a job: it is below all others."""
    of_id = _of_id(value)
    if operator is exp.EQ or of_id in (Stretch(), NOTHING):
        return of_id if operator is exp.EQ else Stretch()
    if operator in (exp.GT, exp.GTE):
        return Stretch(of_id.low_ms, None)
    return Stretch() if table.name.lower() == "job_events" else Stretch(None, of_id.high_ms)


def _of_id(value: exp.Expr) -> Stretch:
    if not (isinstance(value, exp.Literal) and value.is_string):
        return Stretch()
    try:
        time_ms = job_time_ms(value.this)
    except InvalidInput:
        return NOTHING
    return Stretch(time_ms, time_ms)


def _is_time(node: exp.Expr, table: exp.Table) -> bool:
    return _is_column(node, table, _TIME_COLUMNS[table.name.lower()])


def _is_id(node: exp.Expr, table: exp.Table) -> bool:
    return _is_column(node, table, _ID_COLUMNS.get(table.name.lower()))


def _is_column(node: exp.Expr, table: exp.Table, name: str | None) -> bool:
    """A column with another table's name belongs to a SELECT further out."""
    if name is None or not isinstance(node, exp.Column) or node.name.lower() != name:
        return False
    return node.table.lower() in ("", table.alias_or_name.lower())
