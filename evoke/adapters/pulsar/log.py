"""The log on Pulsar. See `evoke/ports/event_log.py` for what it promises."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pulsar

from evoke.adapters.pulsar.administration import AnswersLate
from evoke.adapters.pulsar.appender import Appender
from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.identity import epoch_of
from evoke.adapters.pulsar.index import TopicIndex
from evoke.adapters.pulsar.place import CALL_S, Place
from evoke.adapters.pulsar.positions import place_of, position
from evoke.adapters.pulsar.reading import read_page
from evoke.adapters.pulsar.tail import Tail
from evoke.domain.errors import LogReplaced, Unavailable
from evoke.ports.event_log import Cursors, LogEntry, Position, Record

_OPEN_S = 60.0
"""How long a broker may take to answer a process that starts: one that has just started itself is slow with all its
first answers, and each question is given up after `CALL_S`."""


class PulsarLog:
    """An `EventLog`. A position is a message's ledger, entry and index in its batch."""

    def __init__(self, connection: Connection, index_bytes: int, identity: str) -> None:
        """index_bytes: bound of what is kept of one topic for `find`."""
        self._connection = connection
        self._identity = identity
        self._index_bytes = index_bytes
        self._appender = Appender(connection)
        self._tails: set[Tail] = set()
        self._indexes: dict[str, TopicIndex] = {}

    @classmethod
    async def open(cls, place: Place, index_bytes: int = 64 << 20) -> PulsarLog:
        """Connect. Raises LogCorrupt, Unavailable when the broker does not answer or refuses this process."""
        connection = Connection(place)
        try:
            identity = await connection.call("looking for the namespace", _look, connection, within_s=_OPEN_S)
            connection.epoch = epoch_of(identity)
        except BaseException:
            await connection.close()
            raise
        return cls(connection, index_bytes, identity)

    async def identity(self) -> str | None:
        """Which log this is; see `EventLog.identity`."""
        found = await self._connection.call("asking which log this is", _identity, self._connection)
        if found != self._identity:
            raise LogReplaced(
                f"the log was replaced while this process ran: it was {self._identity}, and is {found} now; "
                "stop every process of evoke and run `evoke admin restore`"
            )
        return found

    async def ends_before(self, cursors: Cursors) -> Sequence[str]:
        """The topics whose next entries would lie before these cursors; see `EventLog.ends_before`."""
        known = {topic: place_of(cursor) for topic, cursor in cursors.items() if cursor is not None}
        mine = [topic for topic, place in known.items() if place.epoch >= self._connection.epoch]
        reach = self._connection.administration.reach
        ends = await asyncio.gather(
            *(self._connection.call(f"asking how far {topic} goes", reach, topic) for topic in mine)
        )
        return [
            topic
            for topic, end in zip(mine, ends, strict=True)
            if end is not None and end < (known[topic].ledger, known[topic].entry)
        ]

    async def append(self, record: Record) -> Position:
        """Append one record durably; see `EventLog.append`. Raises InvalidInput when it is too large for the broker."""
        return await self._appender.append(record.topic, record.key, record.payload, record.properties)

    async def read(self, topic: str, after: Position | None, limit: int) -> Sequence[LogEntry]:
        """Read entries of a topic; see `EventLog.read`. Raises InvalidInput when `after` is no position."""
        if after is not None:
            place_of(after)
        return await self._connection.call(
            f"reading {topic}", read_page, self._connection, topic, after, limit
        )

    def tail(self, cursors: Cursors) -> AsyncIterator[Sequence[LogEntry]]:
        """Follow topics; see `EventLog.tail`. Raises InvalidInput when a cursor is no position."""
        tail = Tail(self._connection, cursors, self._tails.discard)
        self._tails.add(tail)
        return tail

    async def end(self, topic: str) -> Position | None:
        """The newest position of a topic; see `EventLog.end`."""
        last = await self._connection.call(
            f"asking for the end of {topic}", self._connection.administration.last, topic
        )
        return None if last is None else position(self._connection.epoch, *last)

    async def find(self, topics: Sequence[str], keys: Sequence[str]) -> Sequence[LogEntry]:
        """Find all entries of some keys; see `EventLog.find`."""
        self._connection.require_open()
        if not topics or not keys:
            return []
        wanted = list(dict.fromkeys(topics))
        try:
            found = await asyncio.gather(*(self._find(topic, keys) for topic in wanted))
        except TimeoutError:
            raise Unavailable("the index of the log is too far behind") from None
        return [entry for entries in found for entry in entries]

    async def _find(self, topic: str, keys: Sequence[str]) -> list[LogEntry]:
        end = await self.end(topic)
        index = self._indexes.get(topic)
        if index is None:
            index = self._indexes[topic] = TopicIndex(self._connection, topic, self._index_bytes)
        return await index.find(keys, end)

    async def trim(self, topic: str, before: Position) -> None:
        """Let the broker delete what is older; see `EventLog.trim`. What it deletes are whole ledgers."""
        place = place_of(before)
        await self._connection.call(f"trimming {topic}", self._trim, topic, place.ledger, place.entry)

    def _trim(self, topic: str, ledger: int, entry: int) -> None:
        administration = self._connection.administration
        known = administration.acknowledged(topic)
        if known is not None and known < (ledger, entry - 1):
            administration.let_go(topic, ledger, entry)

    async def close(self) -> None:
        """Finish what is under way, end all tails, disconnect; see `EventLog.close`."""
        if self._connection.closed:
            return
        await self._appender.finish()
        for index in self._indexes.values():
            index.close()
        closing = self._connection.close()
        tails = list(self._tails)
        await closing
        for tail in tails:
            await tail.aclose()


def _look(connection: Connection) -> str:
    """Which log this is. Raises Unavailable when the broker or its admin API refuses, or nothing was prepared."""
    last_try = time.monotonic() + _OPEN_S - 3 * CALL_S
    while True:
        try:
            identity = _identity(connection)
            with suppress(pulsar.TopicNotFound):  # that there is an answer is what counts
                connection.client.get_topic_partitions(connection.place.topic("completed"))
        except (pulsar.Timeout, AnswersLate):
            if time.monotonic() > last_try:
                raise
        else:
            return identity


def _identity(connection: Connection) -> str:
    return connection.administration.require_identity()
