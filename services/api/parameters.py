"""Parameters of a query, read strictly."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches

from evoke.domain.errors import InvalidInput
from services.api.exchange import Exchange
from services.api.operations import Operation

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
_MAX_TIME_MS = 1 << 47


def refuse_unknown(exchange: Exchange, operation: Operation) -> None:
    """A misspelt filter must not pass for none at all. Raises InvalidInput."""
    known = [parameter.name for parameter in operation.parameters if parameter.place == "query"]
    for name in exchange.query:
        if name not in known:
            nearest = get_close_matches(name[:40], known, 1)
            hint = f"did you mean {nearest[0]}? " if nearest else ""
            allowed = f"this takes {', '.join(known)}" if known else "this takes no parameters"
            raise InvalidInput(name[:40] or "query", f"is no parameter here; {hint}{allowed}")


def limit_of(exchange: Exchange, default: int = DEFAULT_LIMIT, most: int = MAX_LIMIT) -> int:
    """The query's `limit`. Raises InvalidInput."""
    raw = exchange.query.get("limit")
    if raw is None:
        return default
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:9]) <= most:
        raise InvalidInput("limit", f"must be an integer in 1..{most}")
    return int(raw[:9])


def time_ms_of(exchange: Exchange, name: str) -> int | None:
    """A time of the query in Unix ms, given as RFC 3339 or as Unix ms. Raises InvalidInput."""
    raw = exchange.query.get(name)
    if raw is None:
        return None
    if raw.isascii() and raw.isdigit() and len(raw) < 15:
        return min(int(raw), _MAX_TIME_MS)
    try:
        when = datetime.fromisoformat(raw)
        found = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidInput(name, "must be a time by RFC 3339, or Unix milliseconds") from None
    return max(0, found)
