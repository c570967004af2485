"""Who is in the container: any number of jobs together, or one alone.

All that run in a container share its fate: an input that kills it takes the others along. So a job that may be such an
input runs alone. See docs/decisions/0029-a-suspect-runs-alone.md.
"""

from __future__ import annotations

import asyncio

from evoke.domain.errors import ErrorClass
from evoke.domain.job import Job


def suspected(job: Job | None) -> bool:
    """Whether an earlier attempt ended with the loss of its container, or was begun and never ended."""
    return job is not None and any(
        attempt.running or attempt.error is ErrorClass.MODEL_LOST for attempt in job.attempts
    )


class Room:
    """The container's room. Jobs come in as they are received; while one is, or waits to be, alone, no other does."""

    def __init__(self) -> None:
        self._inside: set[str] = set()
        self._alone: str | None = None
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._inside)

    @property
    def open(self) -> bool:
        """Whether a job may come in."""
        return self._alone is None

    def come_in(self, job_id: str, *, alone: bool) -> None:
        """Let a job in; the room must be open. alone: it closes behind this job, which then waits for `emptied`."""
        self._inside.add(job_id)
        if alone:
            self._alone = job_id

    def leave(self, job_id: str) -> None:
        """A job is done. Idempotent."""
        self._inside.discard(job_id)
        if self._alone == job_id:
            self._alone = None
        self._changed.set()

    async def emptied(self, job_id: str) -> None:
        """Wait until this job is the only one inside."""
        while self._inside - {job_id}:
            self._changed.clear()
            await self._changed.wait()
