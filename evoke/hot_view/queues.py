"""Counts per queue and tenant, kept as jobs change: what waits, what runs, who has how much in flight."""

from __future__ import annotations

from collections import Counter

from evoke.domain.job import Status
from evoke.domain.topics import Lane
from evoke.hot_view.hot_job import HotJob
from evoke.hot_view.ordered import SortedIds


class QueueCounts:
    """Of one queue. Waiting jobs are ordered by id, hence by submission."""

    def __init__(self) -> None:
        self.waiting: dict[Lane, SortedIds] = {lane: SortedIds() for lane in Lane}
        self.running = 0
        self.unfinished: Counter[str] = Counter()

    @property
    def depth(self) -> int:
        """Waiting jobs of both lanes."""
        return sum(len(ids) for ids in self.waiting.values())

    @property
    def oldest(self) -> str | None:
        """Id of the job that waits longest."""
        return min((ids.first for ids in self.waiting.values() if ids.first is not None), default=None)

    def enter(self, job: HotJob) -> None:
        """Count a job by its present status."""
        if job.status is Status.QUEUED:
            self.waiting[job.lane].add(job.id)
        elif job.status is Status.RUNNING:
            self.running += 1
        else:
            return
        self.unfinished[job.tenant] += 1

    def leave(self, job: HotJob, status: Status) -> None:
        """Undo what `enter` did when the job's status was `status`."""
        if status is Status.QUEUED:
            self.waiting[job.lane].discard(job.id)
        elif status is Status.RUNNING:
            self.running -= 1
        else:
            return
        self.unfinished[job.tenant] -= 1
        if not self.unfinished[job.tenant]:
            del self.unfinished[job.tenant]
