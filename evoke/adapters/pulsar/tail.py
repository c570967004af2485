"""Follows several topics at once."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.positions import place_of
from evoke.adapters.pulsar.reading import TopicReader, begin
from evoke.domain.errors import EvokeError
from evoke.ports.event_log import Cursors, LogEntry, Position

MOST_WAITING = 16
"""Batches that wait to be taken; then the readers pause."""


class Inbox:
    """What threads hand to one event loop: batches in order, or an error; bounded by blocking the threads."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._batches: deque[Sequence[LogEntry] | EvokeError] = deque()
        self._room = threading.Semaphore(MOST_WAITING)
        self._arrived = asyncio.Event()
        self.closed = False

    def put(self, batch: Sequence[LogEntry] | EvokeError) -> None:
        """Hand over; waits for room. On a reader's thread."""
        self._room.acquire()
        if self.closed:
            return
        self._batches.append(batch)
        self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:
            self.closed = True  # the loop is closed

    async def take(self) -> Sequence[LogEntry] | None:
        """The next batch; None once closed. Cancelling loses nothing. Raises what was handed over as an error."""
        while not self._batches:
            if self.closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        batch = self._batches.popleft()
        self._room.release()
        if isinstance(batch, EvokeError):
            raise batch
        return batch

    def close(self) -> None:
        """Let go of everybody who waits."""
        self.closed = True
        self._batches.clear()
        self._room.release(MOST_WAITING + 1024)
        self._arrived.set()


class Tail:
    """An iterator of batches; a cancelled `anext` loses nothing."""

    def __init__(self, connection: Connection, cursors: Cursors, ended: Callable[[Tail], None]) -> None:
        self._connection = connection
        self._cursors = dict(cursors)
        for position in self._cursors.values():
            if position is not None:
                place_of(position)
        self._ended = ended
        self._inbox: Inbox | None = None
        self._readers: list[TopicReader] = []
        self._closed = False

    def __aiter__(self) -> Tail:
        return self

    async def __anext__(self) -> Sequence[LogEntry]:
        if self._closed:
            raise StopAsyncIteration
        self._connection.require_open()
        inbox = self._inbox or self._open()
        try:
            batch = await inbox.take()
        except EvokeError:
            await self.aclose()
            raise
        if batch is None:
            self._connection.require_open()
            raise StopAsyncIteration
        return batch

    def _open(self) -> Inbox:
        inbox = self._inbox = Inbox()
        for topic, after in self._cursors.items():
            start: Callable[[], tuple[Any, Position]] = partial(begin, self._connection, topic, after)
            self._readers.append(TopicReader(self._connection, topic, start, inbox.put))
        return inbox

    async def aclose(self) -> None:
        """End the tail; a waiting `anext` ends as well. Idempotent."""
        self._closed = True
        for reader in self._readers:
            reader.stop()
        if self._inbox is not None:
            self._inbox.close()
        self._ended(self)
