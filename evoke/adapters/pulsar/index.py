"""What a topic says of each key: Pulsar has no index by key. See docs/decisions/0041 and 0070."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Sequence

import pulsar

from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.place import CALL_S
from evoke.adapters.pulsar.positions import position_of
from evoke.adapters.pulsar.reading import begin, entry_of
from evoke.adapters.pulsar.shelf import Shelf, Superseded, since_ms
from evoke.domain.errors import Unavailable
from evoke.ports.event_log import LogEntry, Position

REACH_S = 30.0
"""Longest wait for what was appended to be found."""


class TopicIndex:
    """A shelf of the newest entries, and a look through the topic for what is older than the shelf."""

    def __init__(self, connection: Connection, topic: str, most_bytes: int) -> None:
        """most_bytes: bound of the shelf."""
        self._connection = connection
        self._topic = topic
        self._most_bytes = most_bytes
        self._shelf: Shelf | None = None

    async def find(self, keys: Sequence[str], end: Position | None) -> list[LogEntry]:
        """All entries of these keys up to `end` and perhaps later ones. Raises Unavailable, TimeoutError."""
        wanted = list(dict.fromkeys(keys))
        if end is None or not wanted:
            return []
        async with asyncio.timeout(REACH_S):
            shelf = await self._reached(min(map(since_ms, wanted)), end)
            elsewhere = [key for key in wanted if not shelf.covers(key)]
            found = shelf.entries(key for key in wanted if shelf.covers(key))
            if elsewhere:
                found += await self._looked_through(elsewhere, end)
        return sorted(found, key=lambda entry: entry.position)

    async def _reached(self, from_ms: int, end: Position) -> Shelf:
        while True:
            shelf = self._shelf_from(from_ms)
            try:
                await shelf.reach(end)
            except Superseded:
                continue
            return shelf

    def _shelf_from(self, from_ms: int) -> Shelf:
        """The shelf; a new one that begins earlier where that is wanted and there is room."""
        shelf = self._shelf
        if shelf is not None and not shelf.failed and (shelf.reaches_back_to(from_ms) or not shelf.whole):
            return shelf
        self.close()
        self._connection.require_open()
        shelf = self._shelf = Shelf(self._connection, self._topic, from_ms, self._most_bytes)
        return shelf

    async def _looked_through(self, keys: Sequence[str], end: Position) -> list[LogEntry]:
        given_up = threading.Event()
        try:
            return await self._connection.call(
                f"looking through {self._topic}",
                looked_through,
                self._connection,
                self._topic,
                keys,
                end,
                given_up,
                within_s=REACH_S,
            )
        finally:
            given_up.set()

    def close(self) -> None:
        """Let go of the shelf. Idempotent."""
        if self._shelf is not None:
            self._shelf.close()


def looked_through(
    connection: Connection, topic: str, keys: Iterable[str], end: Position, given_up: threading.Event
) -> list[LogEntry]:
    """The entries of some keys up to `end`, from the oldest key's time on. Blocks until then, or until given up."""
    wanted = frozenset(keys)
    from_ms = min(map(since_ms, wanted))
    start, passed = (pulsar.MessageId.earliest, Position("")) if from_ms else begin(connection, topic, None)
    reader = connection.client.create_reader(connection.place.topic(topic), start, receiver_queue_size=1000)
    found: list[LogEntry] = []
    quiet_since = time.monotonic()
    try:
        if from_ms:
            reader.seek(from_ms)
        if not reader.has_message_available():
            return []
        while passed < end and not given_up.is_set():
            try:
                message = reader.read_next(500)
            except pulsar.Timeout:
                if time.monotonic() - quiet_since > CALL_S:
                    raise Unavailable(f"looking through {topic}: the broker sends nothing") from None
                continue
            quiet_since = time.monotonic()
            here = position_of(connection.epoch, message.message_id())
            if here > passed:
                passed = here
                if message.partition_key() in wanted:
                    found.append(entry_of(connection.epoch, topic, message))
    finally:
        reader.close()
    return found
