"""The threads on which models run: few, kept, and no obstacle to the end of the process."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

Work = Callable[[], None]


class ModelThreads:
    """Runs work on daemon threads, so that a model which ignores its cancellation can't keep a process alive.

    (concurrent.futures waits for its threads when the interpreter ends.) Who calls `run` bounds how much is under way.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Work, Work | None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._started = 0

    def run(self, work: Work, then: Work | None = None) -> None:
        """Run `work`, which must not raise, on a thread of its own for that time.

        then: called by the thread when it is free for other work.
        """
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._started += 1
                threading.Thread(target=self._serve, name=f"model-{self._started}", daemon=True).start()
        self._work.put((work, then))

    async def call(self, task: Callable[[], object]) -> None:
        """Run `task` on such a thread and wait until it is done. Raises what it raises."""
        done: Future[None] = Future()
        errors: list[BaseException] = []

        def work() -> None:
            if not done.set_running_or_notify_cancel():  # from here on who waits may go: the task goes on
                return
            try:
                task()
            except BaseException as error:  # whatever it is, who waits must hear of it
                errors.append(error)

        def tell() -> None:
            if errors:
                done.set_exception(errors.pop())
            elif not done.cancelled():
                done.set_result(None)

        self.run(work, tell)
        await asyncio.wrap_future(done)

    @property
    def busy(self) -> int:
        """How many threads are at work."""
        with self._lock:
            return self._started - self._idle

    def _serve(self) -> None:
        while True:
            work, then = self._work.get()
            work()
            with self._lock:
                self._idle += 1
            if then is not None:
                then()
