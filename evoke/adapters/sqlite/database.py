"""One log file as a process has it open: its writer, its reader, its wake-ups. Log and queue of a process share it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import apsw

from evoke.adapters.sqlite import entries, requests
from evoke.adapters.sqlite.file_system import boot_id, mounts, refuse_network_file_system
from evoke.adapters.sqlite.locks import LockFolder
from evoke.adapters.sqlite.reader import HotReader, Reader
from evoke.adapters.sqlite.schema import (
    check_whole,
    close,
    connect,
    prepare,
    refuse_foreign,
    require_sqlite,
    translated,
)
from evoke.adapters.sqlite.threads import Task, Work, outcome_of
from evoke.adapters.sqlite.wakeups import Wakeups
from evoke.adapters.sqlite.writer import NEWEST, Append, Change, Removal, Writer
from evoke.domain.errors import Unavailable

T = TypeVar("T")

DEADLINE_S = 15.0
"""Longest wait for any read or write."""

CLOSE_S = 8.0


class Database:
    """The threads and locks of one open log file. Made by `acquire`, ended by the last `release`."""

    _opened: ClassVar[dict[tuple[Path, str | None], Database]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path, vfs: str | None) -> None:
        """Open the file, on a thread that may block. Raises EvokeError, apsw.Error, OSError."""
        self.path = path
        self.locks = LockFolder(path)
        self._key = (path, vfs)
        self._users = 0
        self._open_lock = self.locks.opened()
        try:
            self._check(vfs)
            self._open_lock.share()
            self.wakeups = Wakeups(path.parent)
            self._reader = Reader(path, vfs)
            self._hot_reader = HotReader(path, vfs)
            self._writer = Writer(path, vfs, self.locks.writer(), self.wakeups.announce)
        except BaseException:
            self._open_lock.close()
            raise

    @classmethod
    async def acquire(cls, path: Path, vfs: str | None = None) -> Database:
        """Open the file, or share what this process has open. Raises LogCorrupt, Unavailable, InvalidInput."""
        opening = asyncio.ensure_future(asyncio.to_thread(cls._acquire, path, vfs))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_release_unseen)
            raise
        except (apsw.Error, OSError) as error:
            meaning = translated(error)
            raise type(meaning)(f"{path}: {meaning}") from error

    @classmethod
    def _acquire(cls, path: Path, vfs: str | None) -> Database:
        path = path.resolve()
        with cls._opening:
            found = cls._opened.get((path, vfs))
            if found is None:
                require_sqlite(apsw.sqlite_lib_version())
                refuse_network_file_system(path.parent, mounts())
                found = cls._opened[(path, vfs)] = cls(path, vfs)
            found._users += 1
            return found

    def _check(self, vfs: str | None) -> None:
        """Verify the file before it is used. Whoever opens it first reads all of it; the others wait for that."""
        first = self._open_lock.try_take()
        if not first:
            self._open_lock.share()
        connection = connect(self.path, vfs)
        try:
            if first:
                prepare(connection)
                check_whole(connection)
                requests.forget_all(connection, boot_id())
                self.locks.remove_subscribers()
            else:
                refuse_foreign(connection)
            entries.verify_newest(connection, NEWEST)
        finally:
            close(connection)

    async def read(self, work: Work[T]) -> T:
        """Run a read on the reader's thread. Raises Unavailable, LogCorrupt."""
        task = Task(work)
        self._reader.submit(task)
        return await outcome_of(task, DEADLINE_S, _late)

    async def read_newest(self, work: Work[T]) -> T:
        """Run a short read of what was just written, at once where that is possible. Raises as `read`."""
        found = self._hot_reader.attempt(work)
        return await self.read(work) if found is None else found[0]

    async def append(self, row: entries.Row) -> int:
        """Append an entry durably and return its number. Raises Unavailable, StorageFull, LogCorrupt."""
        task = Append(row)
        self._writer.submit(task)
        return await outcome_of(task, DEADLINE_S, _late)

    def submit(self, change: Change) -> None:
        """Queue a write; its future tells the end. Raises Unavailable, StorageFull, LogCorrupt."""
        self._writer.submit(change)

    async def write(self, change: Change | Removal) -> Any:
        """Run a write and return what it returned. Raises as `submit`."""
        self._writer.submit(change)
        return await outcome_of(change, DEADLINE_S, _late)

    async def release(self) -> None:
        """Let go; the last one finishes what is under way and closes the file."""
        await asyncio.to_thread(self.release_now)

    def release_now(self) -> None:
        """`release`, for a thread that may block."""
        with self._opening:
            self._users -= 1
            if self._users:
                return
            del self._opened[self._key]
            self._writer.stop()
            self._reader.stop()
            self._writer.join(CLOSE_S)
            self._reader.join(CLOSE_S)
            self._hot_reader.close()
            self.wakeups.close()
            self._open_lock.close()


def _release_unseen(opening: asyncio.Future[Database]) -> None:
    """Nobody waits for the opening any more: undo it."""
    if not opening.cancelled() and opening.exception() is None:
        threading.Thread(target=opening.result().release_now, name="log-release").start()


def _late() -> Unavailable:
    return Unavailable(f"the log did not answer within {DEADLINE_S:.0f} s")
