"""Those who look on while a job runs: streams of events and requests that wait for its end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from evoke.codec import decode_progress
from evoke.domain.errors import UndecodableEvent
from evoke.domain.progress import Progress

_LIVE_BOUND = 64


class Watcher:
    """One onlooker of one job. It is woken when the job changes, and holds the live reports it has not taken yet.

    Reports are lossy: of steps only the newest is kept, of the rest the newest 64. The job's events are not
    kept here: the onlooker reads them from the job.
    """

    def __init__(self) -> None:
        self._wake = asyncio.Event()
        self._step: Progress | None = None
        self._others: deque[Progress] = deque(maxlen=_LIVE_BOUND)

    def wake(self) -> None:
        """Say that the job has changed, or that the process stops."""
        self._wake.set()

    def report(self, progress: Progress) -> None:
        """Hand over a report of the running attempt."""
        if progress.log is None and progress.preview is None:
            self._step = progress
        else:
            self._others.append(progress)
        self._wake.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait until woken; False when that took longer than `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    def take(self) -> list[Progress]:
        """The reports since the last call, in order of their time."""
        taken = list(self._others)
        self._others.clear()
        if self._step is not None:
            taken.append(self._step)
            self._step = None
        return sorted(taken, key=lambda report: report.time_ms)


class Watchers:
    """All onlookers by job."""

    def __init__(self) -> None:
        self._by_job: dict[str, list[Watcher]] = {}

    @contextmanager
    def watching(self, job_id: str) -> Iterator[Watcher]:
        """Look on a job for the length of the block."""
        watcher = Watcher()
        self._by_job.setdefault(job_id, []).append(watcher)
        try:
            yield watcher
        finally:
            left = self._by_job[job_id]
            left.remove(watcher)
            if not left:
                del self._by_job[job_id]

    def wake(self, job_id: str) -> None:
        """Tell those who watch the job that it has changed."""
        for watcher in self._by_job.get(job_id, ()):
            watcher.wake()

    def wake_all(self) -> None:
        """Tell everybody, because the process stops."""
        for watchers in self._by_job.values():
            for watcher in watchers:
                watcher.wake()

    def report(self, payload: bytes) -> None:
        """Hand a report from the progress channel to those who watch its job."""
        if not self._by_job:
            return
        try:
            progress = decode_progress(payload)
        except UndecodableEvent:
            return
        for watcher in self._by_job.get(progress.job_id, ()):
            watcher.report(progress)

    def __len__(self) -> int:
        return sum(len(watchers) for watchers in self._by_job.values())
