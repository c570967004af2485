"""What every engine says of limits and mistakes, in the same words, and values that JSON holds in one way."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from evoke.domain.errors import QueryRefused

RESULT_BYTES = 64 << 20
"""Size of a result, as JSON, beyond which the query is refused."""


def too_long(limit_s: float) -> QueryRefused:
    """The query ran beyond its time."""
    return QueryRefused(f"the query ran longer than its limit of {limit_s:g} s")


def too_much_to_read(size_bytes: int, limit_bytes: int) -> QueryRefused:
    """The query's files are larger than it may read."""
    return QueryRefused(
        f"the query would read {size_bytes:,} bytes, more than the limit of {limit_bytes:,}: "
        "compare created_at (in job_events: job_time) with constants to read less"
    )


def too_large() -> QueryRefused:
    """The query's result is larger than one may be."""
    return QueryRefused(f"the result is larger than the limit of {RESULT_BYTES:,} bytes")


def position_of(sql: str, name: str) -> str:
    """Return `line L, column C: ` of the first place where `name` stands in the SQL; empty when it does not."""
    found = re.search(rf"\b{re.escape(name)}\b", sql, re.IGNORECASE) if name else None
    if found is None:
        return ""
    line = sql.count("\n", 0, found.start()) + 1
    column = found.start() - sql.rfind("\n", 0, found.start())
    return f"line {line}, column {column}: "


def placed(message: str, sql: str) -> str:
    """Put before an engine's message the place in the user's SQL of the first name that it quotes."""
    for name in re.findall(r"[\"'](\w+)[\"']", message):
        if place := position_of(sql, name):
            return place + message
    return message


def exact_number(value: Decimal) -> Any:
    """Return a decimal as a number where that is exact, else as text; None when it is not finite."""
    if not value.is_finite():
        return None
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)
