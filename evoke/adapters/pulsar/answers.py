"""What the client's threads say of appends, handed to the event loop: many at one waking."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from evoke.adapters.pulsar.client_threads import keep_state

T = TypeVar("T")


class Answers(Generic[T]):
    """A loop that is woken for each answer does little else when appends come close together."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[T], None]) -> None:
        """take: is called with each answer, in their order, on the loop."""
        self._loop = loop
        self._take = take
        self._waiting: deque[T] = deque()
        self._woken = False

    def put(self, answer: T) -> None:
        """Hand over, on any thread; when the loop is closed, nobody waits."""
        keep_state()
        self._waiting.append(answer)
        if self._woken:
            return
        self._woken = True
        try:
            self._loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            self._waiting.clear()

    def _drain(self) -> None:
        self._woken = False  # before the last look: what comes after that look wakes the loop anew
        while self._waiting:
            self._take(self._waiting.popleft())
