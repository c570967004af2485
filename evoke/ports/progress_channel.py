"""Progress from workers to whoever looks on. Never stored, lossy by nature."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Protocol


class ProgressChannel(Protocol):
    """Fire and forget, across processes. Nothing here may ever slow a job down or fail it."""

    def publish(self, queue: str, payload: bytes) -> None:
        """Send to everyone who is subscribed at this moment; never blocks, never raises for lack of listeners."""
        ...

    async def subscribe(self, queues: Iterable[str]) -> AsyncIterator[bytes]:
        """Yield what is published once this has returned. A slow reader loses the oldest. Closing the iterator ends it.

        Raises Unavailable.
        """
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...
