"""Blocking work of an engine's client on threads of its own, which cancelling the caller stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

T = TypeVar("T")
_RETRY_S = 0.05


class Session(Protocol):
    """What a piece of work is done with."""

    def interrupt(self) -> None:
        """Stop the statement that runs and refuse those that follow, from any thread, again and again. Never blocks."""
        ...


S = TypeVar("S", bound=Session)


class Threads:
    """Runs blocking work. patience_s: how long a cancelled caller waits for its work to end."""

    def __init__(self, count: int, patience_s: float = float("inf")) -> None:
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="history")
        self._patience_s = patience_s

    async def call(self, work: Callable[[], T]) -> T:
        """Do work that needs no session and is short."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def run(self, open_session: Callable[[], AbstractContextManager[S]], work: Callable[[S], T]) -> T:
        """Open a session, do the work with it, and close it. Raises what the work raises."""
        sessions: list[S] = []

        def job() -> T:
            with open_session() as session:
                sessions.append(session)
                return work(session)

        running = self._pool.submit(job)
        ended = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            running.cancel()
            # What it raises when it is interrupted is of no interest, but has to be looked at.
            ended.add_done_callback(lambda done: done.cancelled() or done.exception())
            await self._interrupted(ended, sessions)
            raise

    async def _interrupted(self, ended: asyncio.Future[T], sessions: list[S]) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._patience_s
        while not ended.done() and loop.time() < until_s:
            for session in sessions:
                session.interrupt()
            await asyncio.wait([ended], timeout=_RETRY_S)

    async def close(self) -> None:
        """Wait for what is under way and end the threads."""
        await asyncio.to_thread(self._pool.shutdown)
