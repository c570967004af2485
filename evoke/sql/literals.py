"""Values as SQL, in words that every engine knows."""

from __future__ import annotations

from collections.abc import Iterable


def text(value: str) -> str:
    """Return a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """Return SQL literals, separated by commas, in the order of the values."""
    return ", ".join(text(str(value)) for value in sorted(values))


def id_prefix(time_ms: int) -> str:
    """Return what all job ids of that Unix time in ms begin with; it is less than any of them."""
    digits = f"{min(max(time_ms, 0), (1 << 48) - 1):012x}"
    return f"{digits[:8]}-{digits[8:]}"
