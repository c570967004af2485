"""Waits that a request may ask for, and for how long."""

from __future__ import annotations

import re

from evoke.domain.errors import InvalidInput, Unavailable
from services.api.context import Context
from services.api.exchange import Exchange
from services.api.tokens import parse_position

_PREFER_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)


def preferred_wait_s(exchange: Exchange, longest_s: float) -> float | None:
    """Seconds by `Prefer: wait=N` (RFC 7240), at most `longest_s`; None where it is absent or not understood."""
    prefer = exchange.header(b"prefer")
    found = _PREFER_WAIT.search(prefer) if prefer is not None else None
    return None if found is None else min(float(found[1]), longest_s)


def asked_wait_s(exchange: Exchange, longest_s: float) -> float:
    """Seconds by the query's `wait`, 0 where it is absent. Raises InvalidInput."""
    raw = exchange.query.get("wait") if exchange.scope["query_string"] else None
    if raw is None:
        return 0.0
    try:
        wait_s = float(raw)
    except ValueError:
        raise InvalidInput("wait", "must be a number of seconds") from None
    if not 0 <= wait_s < 1e9:
        raise InvalidInput("wait", "must be a number of seconds, 0 or more")
    return min(wait_s, longest_s)


async def reach_min_position(context: Context, exchange: Exchange) -> None:
    """Wait until the hot view has reached the query's `min_position`. Raises InvalidInput, Unavailable."""
    raw = exchange.query.get("min_position") if exchange.scope["query_string"] else None
    if raw is not None:
        topic, position = parse_position(raw)
        await context.view.arrivals.wait(topic, position, context.settings.position_wait_s)


def require_ready(context: Context) -> None:
    """Raises Unavailable while the hot view is not made yet: answers would be wrong."""
    if not context.follower.ready.is_set():
        raise Unavailable("the API is starting: it is still reading the log")
