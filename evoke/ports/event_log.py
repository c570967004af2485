"""The log: the only store of truth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NewType, Protocol

import msgspec

Position = NewType("Position", str)
"""A place in one topic. Opaque, but positions of one topic compare as strings in log order."""

Cursors = Mapping[str, Position | None]
"""For each topic the position after which to go on; None: from its beginning."""


class Record(msgspec.Struct, frozen=True):
    """What is appended. key: the job id (order is kept per key); properties: see `codec.properties`."""

    topic: str
    key: str
    payload: bytes
    properties: Mapping[str, str] = {}


class LogEntry(msgspec.Struct, frozen=True):
    """What was appended, and where."""

    topic: str
    position: Position
    key: str
    payload: bytes
    properties: Mapping[str, str] = {}


class EventLog(Protocol):
    """An append-only log of topics, shared by several processes.

    Durability: when `append` returns, the record survives the loss of power; when it raises, the record may or
    may not be in the log, but never partly. Order: positions of one topic grow in the order in which
    appends became visible; a reader that has seen position p never later finds a new record before p.
    Appending to a `requested_` topic also makes the record a message of that queue, in the same step.
    After `close`, every method raises Unavailable. All methods may be called concurrently.
    """

    async def identity(self) -> str | None:
        """Tell this log from every other that stood in its place before. Asked anew at every call.

        None for a log that has no name: its `ends_before` has to do. Raises Unavailable; LogReplaced when it is not
        the log that was opened.
        """
        ...

    async def ends_before(self, cursors: Cursors) -> Sequence[str]:
        """Return the topics whose next entry would get a position before its cursor, that is, would be passed over.

        None for a cursor asks nothing. Empty in a log that the cursors are of. Raises Unavailable, InvalidInput.
        """
        ...

    async def append(self, record: Record) -> Position:
        """Append one record durably and return its position.

        Raises Unavailable (log not writable now), StorageFull (no space). Cancelling leaves it open whether the
        record is in the log.
        """
        ...

    async def read(self, topic: str, after: Position | None, limit: int) -> Sequence[LogEntry]:
        """Return up to `limit` entries of a topic that follow `after`, oldest first; empty at the end.

        Raises Unavailable; LogCorrupt when an entry's checksum does not fit: it is never skipped.
        """
        ...

    def tail(self, cursors: Cursors) -> AsyncIterator[Sequence[LogEntry]]:
        """Yield batches of entries of all these topics, for ever: first what is there, then what comes.

        Within a topic entries come in order, each once. A batch is never empty. Closing the iterator ends it.
        Raises as `read`.
        """
        ...

    async def end(self, topic: str) -> Position | None:
        """Return the position of the newest entry of a topic, None while it is empty. Linearizable with `append`."""
        ...

    async def find(self, topics: Sequence[str], keys: Sequence[str]) -> Sequence[LogEntry]:
        """Return every entry of these topics that has one of these keys; each topic's in order, of what is not trimmed.

        Linearizable with `append`. Its cost grows with the entries found, not with the log: at most some hundred keys.
        Raises as `read`.
        """
        ...

    async def trim(self, topic: str, before: Position) -> None:
        """Allow entries older than `before` to be forgotten; the caller has archived them.

        Requests that are still queued stay deliverable.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and release everything. Idempotent."""
        ...
