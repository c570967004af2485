"""The threads on which models run: few, kept, and no obstacle to the end of the process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Work = Callable[[], None]


class ModelThreads:
    """Runs work on daemon threads, so that a model which ignores its cancellation can't keep a process alive.

    (concurrent.futures waits for its threads when the interpreter ends.) Who calls `run` bounds how much is under way.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._started = 0

    def run(self, work: Work) -> None:
        """Run `work`, which must not raise, on a thread of its own for that time."""
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._started += 1
                threading.Thread(target=self._serve, name=f"model-{self._started}", daemon=True).start()
        self._work.put(work)

    @property
    def busy(self) -> int:
        """How many threads are at work."""
        with self._lock:
            return self._started - self._idle

    def _serve(self) -> None:
        while True:
            self._work.get()()
            with self._lock:
                self._idle += 1
