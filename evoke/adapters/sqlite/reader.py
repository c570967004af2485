"""Reading beside the writer and never behind its fsync: on a thread, or at once where that can't block."""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path
from typing import Any, TypeVar

import apsw

from evoke.adapters.sqlite.schema import close, connect, translated
from evoke.adapters.sqlite.threads import Task, Work, deliver
from evoke.domain.errors import EvokeError, Unavailable

MAX_WAITING = 4096

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Reader:
    """Runs reads one after another. Every read sees all that was committed before it was asked for."""

    def __init__(self, path: Path, vfs: str | None) -> None:
        """Open the connection and start the thread. Raises apsw.Error."""
        self._path = path
        self._vfs = vfs
        self._tasks: queue.SimpleQueue[Task[Any] | None] = queue.SimpleQueue()
        self._stopping = False
        self._connection = self._open()
        self._thread = threading.Thread(target=self._run, name="log-reader", daemon=True)
        self._thread.start()

    def submit(self, task: Task[Any]) -> None:
        """Queue a read. Raises Unavailable when too many wait, and after `stop`."""
        if self._stopping or self._tasks.qsize() >= MAX_WAITING:
            raise Unavailable("the log is closed" if self._stopping else "too many reads of the log wait")
        self._tasks.put(task)

    def stop(self) -> None:
        """Finish what is queued, then end. Does not wait."""
        self._stopping = True
        self._tasks.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    def _open(self) -> apsw.Connection:
        return _reading(self._path, self._vfs)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            deliver([(task, *self._answer(task))])
        while not self._tasks.empty():
            if (task := self._tasks.get()) is not None:
                deliver([(task, None, Unavailable("the log is closed"))])
        close(self._connection)

    def _answer(self, task: Task[Any]) -> tuple[Any, BaseException | None]:
        try:
            return task.work(self._connection), None
        except EvokeError as error:
            return None, error
        except (apsw.Error, OSError) as error:
            _log.warning("a read of the log failed", extra={"error": str(error)})
            return None, translated(error)
        except Exception as error:  # the thread lives on; who asked gets the error
            return None, error


class HotReader:
    """Runs reads of what was written a moment ago on the caller's thread, where they neither wait for the disk nor for
    another thread's turn: two changes of threads less on the way of every event."""

    def __init__(self, path: Path, vfs: str | None) -> None:
        """Open the connection. Raises apsw.Error."""
        self._connection = _reading(path, vfs)
        self._connection.set_busy_timeout(0)
        self._lock = threading.Lock()
        self._closed = False

    def attempt(self, work: Work[T]) -> tuple[T] | None:
        """The read's result, in a tuple; None when it can't be had at once: the reader's thread tells why."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return None if self._closed else (work(self._connection),)
        except (EvokeError, apsw.Error, OSError):
            return None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Release the file. Idempotent."""
        with self._lock:
            if not self._closed:
                self._closed = True
                close(self._connection)


def _reading(path: Path, vfs: str | None) -> apsw.Connection:
    connection = connect(path, vfs)
    connection.execute("PRAGMA query_only = ON")
    return connection
