"""How many runs are in progress at once; the others wait in order, and beyond a bound they are refused."""

from __future__ import annotations

import asyncio
from collections import deque


class Busy(Exception):
    """As many runs wait as may wait."""


class Slots:
    """Used on one event loop only."""

    def __init__(self, limit: int, waiting: int) -> None:
        """limit: runs at once. waiting: how many more may wait for their turn."""
        self._free = limit
        self._bound = waiting
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Wait for a slot, first come first served. Raises Busy at once when too many wait."""
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= self._bound:
            raise Busy
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def release(self) -> None:
        """Free a slot for the next in line."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
