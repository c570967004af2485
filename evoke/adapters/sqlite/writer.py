"""The writer's thread: the only one of its process that writes. All that waits is one transaction (group commit).

When a write or an fsync fails, the kernel may have dropped what it could not write and may report success the next time
("fsyncgate": Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). So the writer then
accepts nothing, opens the file anew, writes the whole WAL once more and moves it into the database, with fsyncs that
must succeed, verifies the newest entries, and only then goes on.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import apsw

from evoke.adapters.sqlite import entries, requests
from evoke.adapters.sqlite.locks import FairLock
from evoke.adapters.sqlite.schema import close, connect, rewrite_wal, scalar, translated
from evoke.adapters.sqlite.threads import Outcome, Task, Work, deliver
from evoke.domain.errors import EvokeError, Unavailable

MAX_WAITING = 8192
"""Writes that may wait; beyond them new ones are refused."""

MAX_GROUP = 1024
"""Writes in one transaction, at most."""

NEWEST = 1000
"""Entries that are verified after a failure."""

CHECKPOINT_PAGES = 2000
"""Length of the WAL, in pages of 4 KiB, from which it is moved into the file."""

_RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)

_log = logging.getLogger(__name__)


class Append(Task[int]):
    """An entry to append; its result is its sequence number."""

    __slots__ = ("row",)

    def __init__(self, row: entries.Row) -> None:
        super().__init__(_never)
        self.row = row


class Change(Task[Any]):
    """Any other write. durable: it must survive the loss of power; subjects: whom its commit wakes."""

    __slots__ = ("durable", "subjects")

    def __init__(self, work: Work[Any], *, durable: bool = False, subjects: Sequence[str] = ()) -> None:
        super().__init__(work)
        self.durable = durable
        self.subjects = subjects


class Removal(Task[None]):
    """A request that its subscriber, named by its token, is done with. It need not survive the loss of power."""

    __slots__ = ("receipt", "token")

    def __init__(self, token: str, receipt: requests.Receipt) -> None:
        super().__init__(_never)
        self.token = token
        self.receipt = receipt


Write = Append | Change | Removal


class Writer:
    """Runs writes in groups; what was delivered as done is committed, and durable where that was asked for."""

    def __init__(
        self, path: Path, vfs: str | None, lock: FairLock, announce: Callable[[Iterable[str]], None]
    ) -> None:
        """Open the connection, start the thread. announce: tells all processes what changed. Raises apsw.Error."""
        self._path = path
        self._vfs = vfs
        self._lock = lock
        self._announce = announce
        self._tasks: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._stopping = False
        self._broken: EvokeError | None = None
        self._durable = True
        self._wal_pages = 0
        self._checkpoint_at = CHECKPOINT_PAGES
        self._connection = self._connect()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def submit(self, task: Write) -> None:
        """Queue a write. Raises Unavailable, or what broke the log, when it can't be accepted now."""
        if self._broken is not None:
            raise type(self._broken)(str(self._broken))
        if self._stopping or self._tasks.qsize() >= MAX_WAITING:
            raise Unavailable("the log is closed" if self._stopping else "too many writes to the log wait")
        self._tasks.put(task)

    def stop(self) -> None:
        """Finish what is queued, then end. Does not wait."""
        self._stopping = True
        self._tasks.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            if group:
                self._write(group)
        self._refuse_waiting(Unavailable("the log is closed"))
        close(self._connection)
        self._lock.close()

    def _next_group(self) -> list[Write] | None:
        """Wait for a write and take all that wait with it; None when it is time to end."""
        task = self._tasks.get()
        if task is None:
            return None
        group = [task]
        while len(group) < MAX_GROUP:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is None:
                self._tasks.put(None)
                break
            group.append(task)
        return group

    def _write(self, group: list[Write]) -> None:
        appends = [task for task in group if isinstance(task, Append)]
        removals = [task for task in group if isinstance(task, Removal)]
        changes = [task for task in group if isinstance(task, Change)]
        try:
            with self._lock:
                outcomes = self._commit(appends, removals, changes)
        except (apsw.Error, OSError) as error:
            self._fail(group, error)
            return
        except Exception as error:
            _log.exception(
                "a write to the log failed for no reason that it should", extra={"writes": len(group)}
            )
            deliver((task, None, Unavailable(f"the log failed: {error}")) for task in group)
            return
        self._announce({task.row[0] for task in appends}.union(*(task.subjects for task in changes)))
        deliver(outcomes)
        if self._wal_pages >= self._checkpoint_at:
            self._checkpoint()

    def _connect(self) -> apsw.Connection:
        connection = connect(self._path, self._vfs)
        connection.set_wal_hook(self._note_wal)
        return connection

    def _note_wal(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Move the WAL into the file, as far as readers allow. SQLite's own way would not tell of a failed sync."""
        try:
            with self._lock:
                pages, moved = self._connection.wal_checkpoint()
        except (apsw.Error, OSError) as error:
            self._checkpoint_at = self._wal_pages + CHECKPOINT_PAGES
            self._fail([], error)
        else:
            self._checkpoint_at = CHECKPOINT_PAGES if moved == pages else self._wal_pages + CHECKPOINT_PAGES

    def _commit(self, appends: list[Append], removals: list[Removal], changes: list[Change]) -> list[Outcome]:
        self._set_durable(bool(appends) or any(task.durable for task in changes))
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            outcomes = self._apply(appends, removals, changes)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return outcomes

    def _apply(self, appends: list[Append], removals: list[Removal], changes: list[Change]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        if appends:
            seqs = entries.append(
                self._connection, [task.row for task in appends], time.time_ns() // 1_000_000
            )
            outcomes += [(task, seq, None) for task, seq in zip(appends, seqs, strict=True)]
        if removals:
            requests.remove(self._connection, [(task.token, task.receipt) for task in removals])
            outcomes += [(task, None, None) for task in removals]
        for task in changes:
            try:
                outcomes.append((task, task.work(self._connection), None))
            except EvokeError as error:  # raised before it changed anything: the others' writes stand
                outcomes.append((task, None, error))
        return outcomes

    def _set_durable(self, durable: bool) -> None:
        """With NORMAL a commit costs no fsync, and the next one with FULL makes it durable too: there is one WAL."""
        if durable is not self._durable:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _fail(self, group: Sequence[Write], error: apsw.Error | OSError) -> None:
        meaning = translated(error)
        _log.error(
            "a write to the log failed",
            extra={"error": str(error), "code": meaning.code, "writes": len(group)},
        )
        if isinstance(error, (apsw.IOError, apsw.CorruptError, apsw.NotADBError, OSError)):
            self._broken = meaning
        deliver((task, None, meaning) for task in group)
        if self._broken is not None:
            self._recover()

    def _recover(self) -> None:
        """Try until the log can be trusted again, or the process ends; refuse what waits meanwhile."""
        attempt = 0
        while not self._stopping:
            time.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
            attempt += 1
            try:
                self._reopen()
            except (apsw.Error, OSError, EvokeError) as error:
                self._broken = error if isinstance(error, EvokeError) else translated(error)
                _log.warning("the log can't be written yet", extra={"attempt": attempt, "error": str(error)})
                self._refuse_waiting(self._broken)
            else:
                _log.warning("the log can be written again", extra={"attempt": attempt})
                self._broken = None
                return

    def _reopen(self) -> None:
        self._connection.close(True)
        with self._lock:
            self._connection = self._connect()
            self._durable = True
            rewrite_wal(self._path, self._vfs)
            if scalar(self._connection, "PRAGMA wal_checkpoint(TRUNCATE)") != 0:
                raise Unavailable("others read the log while it is being recovered")
            entries.verify_newest(self._connection, NEWEST)

    def _refuse_waiting(self, reason: EvokeError) -> None:
        ends = False
        while not self._tasks.empty():
            task = self._tasks.get()
            if task is None:
                ends = True
            else:
                deliver([(task, None, reason)])
        if ends:
            self._tasks.put(None)


def _never(connection: apsw.Connection) -> NoReturn:
    raise AssertionError("writes of this kind are done together")
