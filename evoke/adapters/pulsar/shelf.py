"""Entries of one topic by key, from a time on, bounded in bytes: the oldest leave first, and what left is known."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Iterable
from functools import partial

import pulsar

from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.dropped import Dropped
from evoke.adapters.pulsar.positions import position
from evoke.adapters.pulsar.reading import TopicReader, begin
from evoke.adapters.pulsar.tail import Inbox
from evoke.domain.errors import EvokeError, Unavailable
from evoke.ports.event_log import LogEntry, Position

MARGIN_MS = 600_000
"""How far the clocks of those who write may be apart: nothing of a job was written so long before its id's time."""
_ENTRY_BYTES = 600
"""What an entry takes beside its payload, about."""


def since_ms(key: str) -> int:
    """Unix time in ms before which nothing can be written of the job with this id; 0 when it carries no time."""
    try:
        identity = uuid.UUID(key)
    except ValueError:
        return 0
    if identity.version != 7:
        return 0
    return max(0, (identity.int >> 80) - MARGIN_MS)


class Superseded(Exception):
    """Another shelf, which begins earlier, has taken the place of this one."""


class Shelf:
    """Fed by a reader of its own until it is closed."""

    def __init__(self, connection: Connection, topic: str, from_ms: int, most_bytes: int) -> None:
        """from_ms: Unix time of the first entries that are kept; 0: from the first that is not trimmed."""
        self._connection = connection
        self._topic = topic
        self._most_bytes = most_bytes
        self._from_ms = from_ms
        self._entries: dict[str, list[LogEntry]] = {}
        self._order: deque[LogEntry] = deque()
        self._bytes = 0
        self._dropped = Dropped()
        self._dropped_up_to_ms = 0
        self._reached = Position("")
        self._moved = asyncio.Event()
        self._error: Exception | None = None
        self._inbox = Inbox()
        self._end_before = Position("")
        self._reader = TopicReader(
            connection,
            topic,
            self._begin,
            self._inbox.put,
            since_ms=from_ms or None,
            nothing=partial(self._inbox.put, ()),
        )
        self._feeding = asyncio.create_task(self._feed(), name=f"index of {topic}")

    def _begin(self) -> tuple[pulsar.MessageId, Position]:
        """Where to begin, and where the topic ends by now. On the reader's thread."""
        last = self._connection.administration.last(self._topic)
        self._end_before = Position("") if last is None else position(self._connection.epoch, *last)
        if self._from_ms:
            return pulsar.MessageId.earliest, Position("")
        return begin(self._connection, self._topic, None)

    @property
    def failed(self) -> bool:
        """Its reader has ended."""
        return self._error is not None

    @property
    def whole(self) -> bool:
        """Nothing has left it, so that it is worth beginning earlier."""
        return self._dropped_up_to_ms == 0 and self._bytes <= self._most_bytes // 2

    def reaches_back_to(self, time_ms: int) -> bool:
        """Whether it began at that time or before."""
        return self._from_ms <= time_ms

    def covers(self, key: str) -> bool:
        """Whether it holds all that the topic says of a key."""
        return self.reaches_back_to(since_ms(key)) and not self._dropped.perhaps(key)

    def entries(self, keys: Iterable[str]) -> list[LogEntry]:
        """All that is kept of these keys."""
        return [entry for key in keys for entry in self._entries.get(key, ())]

    async def reach(self, end: Position) -> None:
        """Wait until everything up to `end` was seen. Raises Superseded, Unavailable."""
        while self._reached < end:
            if isinstance(self._error, Superseded):
                raise self._error
            if self._error is not None:
                raise Unavailable(f"the index of {self._topic}: {self._error}")
            moved = self._moved
            await moved.wait()

    async def _feed(self) -> None:
        try:
            while (batch := await self._inbox.take()) is not None:
                for entry in batch:
                    self._keep(entry)
                # Everything may be older than where the reader began: then it has nothing to tell, and is at the end.
                self._reached = batch[-1].position if batch else self._end_before
                self._wake()
        except EvokeError as error:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _keep(self, entry: LogEntry) -> None:
        self._entries.setdefault(entry.key, []).append(entry)
        self._order.append(entry)
        self._bytes += len(entry.payload) + _ENTRY_BYTES
        while self._bytes > self._most_bytes and len(self._order) > 1:
            self._drop(self._order.popleft())

    def _drop(self, entry: LogEntry) -> None:
        self._bytes -= len(entry.payload) + _ENTRY_BYTES
        mine = self._entries[entry.key]
        mine.pop(0)
        if not mine:
            del self._entries[entry.key]
        if self._dropped.full:  # from here on it knows nothing of what is older
            self._from_ms = max(self._from_ms, self._dropped_up_to_ms + 1)
            self._dropped = Dropped()
        self._dropped.add(entry.key)
        self._dropped_up_to_ms = max(self._dropped_up_to_ms, since_ms(entry.key), 1)

    def close(self) -> None:
        """End the reader, and send away who waits. Idempotent."""
        self._error = self._error or Superseded()
        self._reader.stop()
        self._inbox.close()
        self._feeding.cancel()
        self._wake()
