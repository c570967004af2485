"""What a topic says of each key, kept in memory: Pulsar has no index by key. See docs/decisions/0041."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial

import pulsar

from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.reading import TopicReader, begin
from evoke.adapters.pulsar.tail import Inbox
from evoke.domain.errors import EvokeError, Unavailable
from evoke.ports.event_log import LogEntry, Position

MARGIN_MS = 600_000
"""How far the clocks of those who write may be apart: an index begins that much before the oldest job asked for."""
REACH_S = 30.0
_ENTRY_BYTES = 600
"""What an entry takes beside its payload, about."""


def since_ms(keys: Iterable[str]) -> int:
    """Unix time in ms before which nothing can be written of jobs with these ids; 0 when one carries no time."""
    oldest: int | None = None
    for key in keys:
        try:
            identity = uuid.UUID(key)
        except ValueError:
            return 0
        if identity.version != 7:
            return 0
        made_ms = identity.int >> 80
        oldest = made_ms if oldest is None else min(oldest, made_ms)
    return max(0, (oldest or 0) - MARGIN_MS)


class TopicIndex:
    """Entries of one topic by key, from a time on, bounded in bytes: the oldest leave first.

    A key that may be older than what is kept makes the index anew from that key's time.
    """

    def __init__(self, connection: Connection, topic: str, most_bytes: int) -> None:
        self._connection = connection
        self._topic = topic
        self._most_bytes = most_bytes
        self._making = asyncio.Lock()
        self._from_ms: int | None = None
        self._gone = False
        self._clear()

    def _clear(self) -> None:
        self._entries: dict[str, list[LogEntry]] = {}
        self._order: deque[LogEntry] = deque()
        self._bytes = 0
        self._reached = Position("")
        self._error: EvokeError | None = None
        self._moved = asyncio.Event()
        self._reader: TopicReader | None = None
        self._feeding: asyncio.Task[None] | None = None
        self._inbox: Inbox | None = None
        self._evicted_key_times_ms = 0

    async def find(self, keys: Sequence[str], end: Position | None) -> list[LogEntry]:
        """All entries of these keys up to `end` and perhaps later ones. Raises Unavailable."""
        if end is None:
            return []
        async with self._making:
            self._make_from(since_ms(keys))
        async with asyncio.timeout(REACH_S):
            while self._reached < end:
                if self._error is not None:
                    self._from_ms = None
                    raise Unavailable(f"the index of {self._topic}: {self._error}")
                self._moved.clear()
                await self._moved.wait()
        found = [entry for key in dict.fromkeys(keys) for entry in self._entries.get(key, ())]
        return sorted(found, key=lambda entry: entry.position)

    def _make_from(self, from_ms: int) -> None:
        if self._error is None and self._from_ms is not None and self._from_ms <= from_ms:
            return
        self.close()
        self._clear()
        self._from_ms = from_ms
        inbox = self._inbox = Inbox()
        self._reader = TopicReader(
            self._connection,
            self._topic,
            partial(begin, self._connection, self._topic, None)
            if not from_ms
            else lambda: (pulsar.MessageId.earliest, Position("")),
            inbox.put,
            since_ms=from_ms or None,
        )
        self._feeding = asyncio.create_task(self._feed(inbox), name=f"index of {self._topic}")

    async def _feed(self, inbox: Inbox) -> None:
        try:
            while (batch := await inbox.take()) is not None:
                for entry in batch:
                    self._keep(entry)
                self._reached = batch[-1].position
                self._moved.set()
        except EvokeError as error:
            self._error = error
            self._moved.set()

    def _keep(self, entry: LogEntry) -> None:
        self._entries.setdefault(entry.key, []).append(entry)
        self._order.append(entry)
        self._bytes += len(entry.payload) + _ENTRY_BYTES
        while self._bytes > self._most_bytes and len(self._order) > 1:
            self._drop(self._order.popleft())

    def _drop(self, entry: LogEntry) -> None:
        """Forget the oldest entry; from now on its key, and older ones, need an index that begins earlier."""
        self._bytes -= len(entry.payload) + _ENTRY_BYTES
        mine = self._entries[entry.key]
        mine.pop(0)
        if not mine:
            del self._entries[entry.key]
        self._from_ms = max(self._from_ms or 0, since_ms([entry.key]) + MARGIN_MS + 1)

    def close(self) -> None:
        """End the reader. Idempotent."""
        if self._reader is not None:
            self._reader.stop()
        if self._inbox is not None:
            self._inbox.close()
        if self._feeding is not None:
            self._feeding.cancel()
