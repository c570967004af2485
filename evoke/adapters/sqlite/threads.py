"""What the writer's and the reader's thread have in common: work comes from event loops, results go back to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import apsw

T = TypeVar("T")

_log = logging.getLogger(__name__)

Work = Callable[[apsw.Connection], T]


class Task(Generic[T]):
    """A piece of work and the future, on its own loop, that waits for its result."""

    __slots__ = ("future", "loop", "work")

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()


Outcome = tuple["Task[Any]", Any, BaseException | None]
"""A task with its result, or with the error that it ended in."""


def deliver(outcomes: Iterable[Outcome]) -> None:
    """Hand results to their loops, with one call for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, own in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, own)
        except RuntimeError:
            _log.debug("nobody waits any more: the event loop is closed", extra={"results": len(own)})


def _settle(outcomes: list[Outcome]) -> None:
    for task, result, error in outcomes:
        if task.future.done():
            continue
        if error is None:
            task.future.set_result(result)
        else:
            task.future.set_exception(error)


async def outcome_of(task: Task[T], deadline_s: float, late: Callable[[], BaseException]) -> T:
    """Wait for a task's result for at most `deadline_s`, then raise what `late` makes."""
    expiry = task.loop.call_later(deadline_s, _expire, task, late)
    try:
        return await task.future
    finally:
        expiry.cancel()


def _expire(task: Task[Any], late: Callable[[], BaseException]) -> None:
    if not task.future.done():
        task.future.set_exception(late())
