"""Being the one active process of several."""

from __future__ import annotations

from typing import Protocol


class Lease(Protocol):
    """At most one process holds it at a time; those that wait take over when the holder ends, however it ends.

    It keeps two processes from doing the same work; what must not happen twice is guarded by what is written to
    (the archive's commits compare and set).
    """

    async def acquire(self) -> None:
        """Wait, as long as it takes, until this process holds the lease. Raises Unavailable."""
        ...

    async def release(self) -> None:
        """Let another process have it. Idempotent."""
        ...
