"""The log in SQLite. See `evoke/ports/event_log.py` for what it promises."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from evoke.adapters.sqlite import entries
from evoke.adapters.sqlite.database import Database
from evoke.adapters.sqlite.wakeups import POLL_S, Wakeup
from evoke.adapters.sqlite.writer import Change
from evoke.domain.errors import Unavailable
from evoke.ports.event_log import Cursors, LogEntry, Position, Record


class SqliteLog:
    """An `EventLog`. A position is the number of the commit-ordered entry, over all topics, as 16 hex digits."""

    def __init__(self, database: Database) -> None:
        self._database: Database | None = database
        self._tails: weakref.WeakSet[Tail] = weakref.WeakSet()

    @classmethod
    async def open(cls, path: Path, *, vfs: str | None = None) -> SqliteLog:
        """Open the file, making it where it is missing.

        vfs: name of a registered SQLite VFS, for tests. Raises LogCorrupt when the file is damaged or no log,
        InvalidInput when it lies on a network file system, Unavailable.
        """
        return cls(await Database.acquire(path, vfs))

    @property
    def database(self) -> Database:
        """What stands behind the log. Raises Unavailable once it is closed."""
        if self._database is None:
            raise Unavailable("the log is closed")
        return self._database

    async def identity(self) -> str | None:
        """None: the log lies in one folder with its archive; see `EventLog.identity`."""
        return None

    async def ends_before(self, cursors: Cursors) -> Sequence[str]:
        """The topics of a log that was removed from beside its archive; see `EventLog.ends_before`."""
        wanted = {topic: seq for topic, seq in entries.seqs_of(cursors).items() if seq}
        newest = await self.database.read(entries.newest_seq) if wanted else 0
        return [topic for topic, seq in wanted.items() if newest < seq]

    async def append(self, record: Record) -> Position:
        """Append one record durably; see `EventLog.append`. Raises InvalidInput beyond 64 MiB too."""
        return entries.position_of(await self.database.append(entries.row_of(record)))

    async def read(self, topic: str, after: Position | None, limit: int) -> Sequence[LogEntry]:
        """Read entries of a topic; see `EventLog.read`. Raises InvalidInput when `after` is no position."""
        seq = entries.seq_of(after)
        return await self.database.read(lambda connection: entries.read_topic(connection, topic, seq, limit))

    def tail(self, cursors: Cursors) -> AsyncIterator[Sequence[LogEntry]]:
        """Follow topics; see `EventLog.tail`. Raises InvalidInput when a cursor is no position."""
        tail = Tail(self, entries.seqs_of(cursors))
        self._tails.add(tail)
        return tail

    async def end(self, topic: str) -> Position | None:
        """The newest position of a topic; see `EventLog.end`."""
        seq = await self.database.read(lambda connection: entries.last_of(connection, topic))
        return None if seq is None else entries.position_of(seq)

    async def find(self, topics: Sequence[str], keys: Sequence[str]) -> Sequence[LogEntry]:
        """Read all entries of some keys; see `EventLog.find`."""
        return await self.database.read(lambda connection: entries.find(connection, topics, keys))

    async def trim(self, topic: str, before: Position) -> None:
        """Delete older entries, except requests that are queued and the newest entry; see `EventLog.trim`."""
        seq = entries.seq_of(before)
        while await self.database.write(Change(lambda connection: entries.trim(connection, topic, seq))):
            continue

    async def close(self) -> None:
        """Finish what is under way, end all tails, release the file; see `EventLog.close`."""
        database, self._database = self._database, None
        for tail in list(self._tails):
            tail.wake()
        if database is not None:
            await database.release()


class Tail:
    """Follows topics. A cancelled `anext` loses nothing: the next one goes on where the last batch ended.

    Once it has read everything it waits for an announcement before it looks again, and what it reads then is so fresh
    that it is read at once, on no other thread.
    """

    def __init__(self, log: SqliteLog, cursors: entries.Cursors) -> None:
        self._log = log
        self._cursors = cursors
        self._wakeup: Wakeup | None = None
        self._ended = False
        self._at_end = False
        self._woken = False

    def __aiter__(self) -> Tail:
        return self

    async def __anext__(self) -> Sequence[LogEntry]:
        while not self._ended:
            database = self._log.database
            if self._wakeup is None:
                self._wakeup = database.wakeups.listen(self._cursors)
            if self._at_end and not self._woken:
                await self._wakeup.wait(POLL_S)
                self._woken = True
                continue
            self._wakeup.expect()
            read = database.read_newest if self._at_end else database.read
            batch = await read(lambda connection: entries.read_merged(connection, self._cursors))
            self._at_end = not entries.cut_short(batch)
            self._woken = False
            if batch:
                self._cursors.update((entry.topic, int(entry.position, 16)) for entry in batch)
                return batch
        raise StopAsyncIteration

    def wake(self) -> None:
        """Make a waiting `anext` look again, at whether the log is closed too."""
        if self._wakeup is not None:
            self._wakeup.fire()

    async def aclose(self) -> None:
        """End the tail; a waiting `anext` ends as well. Idempotent."""
        self._ended = True
        self.wake()
        self._wakeup = None
