"""The reader's thread: one connection that only reads, beside the writer and never behind its fsync."""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path
from typing import Any

import apsw

from evoke.adapters.sqlite.schema import close, connect, translated
from evoke.adapters.sqlite.threads import Task, deliver
from evoke.domain.errors import EvokeError, Unavailable

MAX_WAITING = 4096

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
        connection = connect(self._path, self._vfs)
        connection.execute("PRAGMA query_only = ON")
        return connection

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
