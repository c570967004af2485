"""Random bytes from the operating system, fetched many at a time.

Every call of `os.urandom` gives up the interpreter's lock, and in a process whose other threads are busy writing the
log it is given back late: profiles showed a third of a submit's time there.
"""

from __future__ import annotations

import os

from evoke.telemetry import trace_id_of

_FETCHED = 8192


class Randomness:
    """Hands out each byte once. For one thread; a process that forks afterwards must make a new one."""

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0

    def __call__(self, count: int) -> bytes:
        """Return `count` random bytes (at most 8192)."""
        end = self._used + count
        if end > len(self._bytes):
            self._bytes, self._used, end = os.urandom(_FETCHED), 0, count
        found = self._bytes[self._used : end]
        self._used = end
        return found

    def traceparent(self, parent: str | None, *, sampled: bool = False) -> str:
        """A W3C `traceparent`: a child of `parent` where that is valid, else the root of a new trace."""
        flags = "01" if sampled else "00"
        trace_id = trace_id_of(parent) if parent is not None else None
        if trace_id is None:
            random = self(24).hex()
            return f"00-{random[:32]}-{random[32:]}-{flags}"
        return f"00-{trace_id}-{self(8).hex()}-{flags}"
