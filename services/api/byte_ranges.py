"""Byte ranges of RFC 9110, section 14: one range; several are answered with the whole."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range lies beyond the bytes."""


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Start and length of the range that is asked for; None for the whole. Raises Unsatisfiable."""
    found = _ONE_RANGE.fullmatch(header) if header is not None else None
    if found is None or (not found[1] and not found[2]):
        return None
    if not found[1]:
        start, end = max(0, size_bytes - int(found[2])), size_bytes
        if not int(found[2]):
            raise Unsatisfiable(header)
    else:
        start = int(found[1])
        end = min(size_bytes, int(found[2]) + 1) if found[2] else size_bytes
        if found[2] and int(found[2]) < start:
            return None
    if start >= size_bytes:
        raise Unsatisfiable(header)
    return start, end - start
