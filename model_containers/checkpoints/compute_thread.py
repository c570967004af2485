"""The one thread of a container that computes with all cores. Imports no torch before it is given its first task.

OpenMP, by which torch uses several cores, keeps a team of helpers for each thread that ever asked for one. With more
helpers than cores they sleep between two operators instead of standing by, and a pass takes twice as long. So networks
run on this thread, which has the team, and all others compute by themselves: the steps of samplers, previews.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Answer = TypeVar("Answer")
Task = Callable[[], Any]


class ComputeThread:
    """One for all models of a container. Tasks are done one at a time, in order.

    The thread starts with the first task, and is no obstacle to the end of the process.
    """

    def __init__(self, threads: int | None = None) -> None:
        """threads: of torch's operators, the thread itself among them; None: as many as torch chooses."""
        self._threads = threads
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[tuple[Task, Future[Any]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, task: Callable[[], Answer]) -> Answer:
        """What `task` returns, done on the thread. Raises what it raises.

        The caller's inference mode holds for it too. A task may ask for another: that is done at once.
        """
        import torch

        if threading.current_thread() is self._started():
            return task()
        inferring = torch.is_inference_mode_enabled()

        def in_mode() -> Answer:
            with torch.inference_mode(inferring):
                return task()

        done: Future[Answer] = Future()
        self._tasks.put((in_mode, done))
        try:
            return done.result()
        finally:
            del (
                done
            )  # an error holds this frame: with the future in it, what failed would stay until a collection

    def _started(self) -> threading.Thread:
        with self._lock:
            if self._thread is None:
                ready = threading.Event()
                thread = threading.Thread(target=self._work, args=(ready,), name="compute", daemon=True)
                thread.start()
                ready.wait()
                _one_for_other_threads()
                self._thread = thread
            return self._thread

    def _work(self, ready: threading.Event) -> None:
        import torch

        torch.set_num_threads(self._threads or torch.get_num_threads())
        torch.get_num_threads()  # a thread takes over the number that was set last when it first asks for it
        ready.set()
        while True:
            _do(*self._tasks.get())  # holds no task while it waits, and with it no tensors


def _one_for_other_threads() -> None:
    """The number holds for the thread that sets it and for those that begin to compute later."""
    import torch

    torch.set_num_threads(1)


def _do(task: Task, done: Future[Any]) -> None:
    try:
        answer = task()
    except BaseException as error:  # whoever waits for it must hear of it, whatever it is
        done.set_exception(error)
        del done  # as above
    else:
        done.set_result(answer)
