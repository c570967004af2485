"""Paints previews on a thread of its own, so that the runs go on meanwhile. Imports no torch.

Previews may be lost, so the thread takes one only when it has rested long enough: whatever the number of runs, it is at
work for at most SHARE of the time.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

SHARE = 0.02
_log = logging.getLogger(__name__)

Task = Callable[[], None]


class Painter:
    """One for all runs of a container. Its thread starts with the first task and ends with the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[tuple[Task, Future[None]]] | None = None
        self._busy = False
        self._rests_until = float("-inf")

    def offer(self, paint: Task) -> Future[None] | None:
        """Have something painted soon; None: the painter is at work, or rests. The future ends with the task."""
        with self._lock:
            if self._busy or self._clock() < self._rests_until:
                return None
            self._busy = True
            if self._tasks is None:
                self._tasks = queue.SimpleQueue()
                threading.Thread(target=self._work, args=(self._tasks,), name="painter", daemon=True).start()
        painted: Future[None] = Future()
        self._tasks.put((paint, painted))
        return painted

    def _work(self, tasks: queue.SimpleQueue[tuple[Task, Future[None]]]) -> None:
        while True:
            self._paint(*tasks.get())  # holds no task while it waits, and with it no tensors

    def _paint(self, paint: Task, painted: Future[None]) -> None:
        started = self._clock()
        try:
            paint()
        except Exception:  # a preview that can't be made must not end the thread that makes those of others
            _log.exception("a preview could not be made")
        ended = self._clock()
        with self._lock:
            self._busy = False
            self._rests_until = ended + (ended - started) * (1 / SHARE - 1)
        painted.set_result(None)
