"""The hot view: jobs folded in memory from the tails of the topics.

It holds every unfinished job, and finished ones for a while: within a window of time and a bound in bytes, the
oldest leave first, and only once they are archived. It is no store: whatever is here lies in the log or in
the archive, and it is made anew at every start.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from evoke.codec import decode, encode
from evoke.continuity import RESTORED
from evoke.domain.errors import UndecodableEvent
from evoke.domain.events import AnyEvent, DeadLettered, Purged, Replayed, Requested
from evoke.domain.job import Status
from evoke.domain.topics import attempts, completed, logged, part_of, requested
from evoke.hot_view.arrivals import Arrivals
from evoke.hot_view.hot_job import HotJob, Seen, Stage
from evoke.hot_view.keys import KeyIndex
from evoke.hot_view.letters import LetterIndex
from evoke.hot_view.ordered import SortedIds
from evoke.hot_view.queues import QueueCounts
from evoke.hot_view.watchers import Watchers
from evoke.ports.event_log import LogEntry, Position

_log = logging.getLogger(__name__)
_ORPHANS = 10_000
_NOBODY = SortedIds()


class HotView:
    """Used by one event loop; no method waits but those of `arrivals` and of watchers.

    arrivals: how far the log was folded. keys: idempotency keys. letters: outstanding dead letters.
    lag_ms: how old the tail's newest event was when it was folded.
    """

    def __init__(
        self,
        queues: Iterable[str],
        *,
        hot_bytes: int,
        window_s: float,
        clock_ms: Callable[[], int],
        parts: int = 1,
    ) -> None:
        """hot_bytes: bound of the finished jobs. window_s: how long they stay. clock_ms: Unix time in ms.

        parts: of each queue's topics.
        """
        self.parts = parts
        self.queues: dict[str, QueueCounts] = {queue: QueueCounts() for queue in queues}
        self.arrivals = Arrivals(topic for queue in self.queues for topic in logged(queue, parts))
        self.keys = KeyIndex(window_s * 1000, hot_bytes)
        self.letters = LetterIndex()
        self.watchers = Watchers()
        self.finished_bytes = 0
        self.lag_ms = 0
        self._hot_bytes = hot_bytes
        self._window_ms = window_s * 1000
        self._clock_ms = clock_ms
        self._jobs: dict[str, HotJob] = {}
        self._orphans: OrderedDict[str, HotJob] = OrderedDict()
        self._finished: deque[tuple[HotJob, int]] = deque()
        self._by_tenant: dict[str, SortedIds] = {}
        self._by_grouping: dict[tuple[str, str], SortedIds] = {}
        self._left: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, tenant: str, job_id: str) -> HotJob | None:
        """A tenant's job, None when it is not here."""
        job = self._jobs.get(job_id)
        return job if job is not None and job.tenant == tenant else None

    def has_foreign(self, tenant: str, job_id: str) -> bool:
        """Whether the job is here and another tenant's."""
        job = self._jobs.get(job_id)
        return job is not None and job.tenant != tenant

    def newest_first(self, tenant: str, grouping: str | None, before: str | None) -> Iterator[HotJob]:
        """A tenant's jobs by descending id, those smaller than `before`; of one grouping when that is given."""
        ids = self._by_tenant.get(tenant) if grouping is None else self._by_grouping.get((tenant, grouping))
        for job_id in (ids or _NOBODY).descending(before):
            yield self._jobs[job_id]

    def greatest_left(self, tenant: str) -> str | None:
        """The greatest id of a tenant's job that has left the view since the start: all above it are here still."""
        return self._left.get(tenant)

    def place_in_line(self, job: HotJob) -> int | None:
        """How many jobs of its lane come before a waiting one, plus one; None when it does not wait."""
        if job.status is not Status.QUEUED or job.queue not in self.queues:
            return None
        return self.queues[job.queue].waiting[job.lane].rank(job.id) + 1

    def positions(self, job: HotJob) -> tuple[str, Position] | None:
        """Topic and position of the newest event of a job; None where the archive alone knows it."""
        for seen in reversed(tuple(job.seen())):
            if seen.position is not None:
                return self.topic_of(job, seen.stage), seen.position
        return None

    def topic_of(self, job: HotJob, stage: Stage) -> str:
        """The topic in which a job's events of a stage lie."""
        part = part_of(job.id, self.parts)
        if stage is Stage.REQUESTED:
            return requested(job.queue, job.lane, part)
        return attempts(job.queue, part) if stage is Stage.ATTEMPTS else completed(job.queue, part)

    def fold(self, batch: Sequence[LogEntry]) -> None:
        """Fold a batch from the tail of the log, in its order."""
        newest_ms: int | None = None
        for entry in batch:
            # What a restore has told again, history has told this process at its start.
            if RESTORED in entry.properties or self._is_known(entry):
                self.arrivals.advance(entry.topic, entry.position)
                continue
            try:
                event = decode(entry.payload)
            except UndecodableEvent as error:
                _log.warning(
                    "an event could not be decoded",
                    extra={"topic": entry.topic, "position": entry.position, "error": str(error)[:200]},
                )
            else:
                self._fold(event, entry)
                newest_ms = event.time_ms
            self.arrivals.advance(entry.topic, entry.position)
        if newest_ms is not None:
            self.lag_ms = max(0, self._clock_ms() - newest_ms)

    def _is_known(self, entry: LogEntry) -> bool:
        """Whether this process has folded the very entry when it appended it; a key has still to be claimed."""
        job = self._jobs.get(entry.key)
        if job is None or job.keyed or job.requested is None or job.requested.position != entry.position:
            return False
        return entry.topic == self.topic_of(job, Stage.REQUESTED)

    def _fold(self, event: AnyEvent, entry: LogEntry) -> None:
        if isinstance(event, (DeadLettered, Replayed, Purged)):
            self.letters.fold(event, entry.topic, entry.position, self.arrivals.last(entry.topic))
            return
        if isinstance(event, Requested):
            self.keys.offer(event)
        self._take(event, entry.position, entry.payload)

    def add_own(self, event: Requested, position: Position, payload: bytes) -> HotJob:
        """Fold a submission that this process has just appended, before its tail brings it.

        A job is submitted once, so this changes no order; a key is claimed only by what the tail brings.
        """
        return self._take(event, position, payload)

    def restore(self, events: Sequence[AnyEvent]) -> None:
        """Fold all archived events of one unfinished job, at start."""
        for event in events:
            if isinstance(event, Requested):
                self.keys.offer(event)
            if not isinstance(event, (DeadLettered, Replayed, Purged)):
                self._take(event, None, encode(event))

    def _take(self, event: AnyEvent, position: Position | None, payload: bytes) -> HotJob:
        job = self._jobs.get(event.job_id) or self._orphan(event)
        before = job.status if job.visible else None
        if not job.add(event, position, payload):
            return job
        if job.visible:
            if before is None:
                self._enter(job)
            else:
                self._count(job, before)
            if job.status.terminal and (before is None or not before.terminal):
                self._note_finished(job)
            self.watchers.wake(job.id)
        return job

    def _orphan(self, event: AnyEvent) -> HotJob:
        """A job whose submission was not seen: it may come, or the job has left the view long ago."""
        job = self._orphans.get(event.job_id)
        if job is None:
            job = self._orphans[event.job_id] = HotJob(event)
            if len(self._orphans) > _ORPHANS:
                self._orphans.popitem(last=False)
        return job

    def _enter(self, job: HotJob) -> None:
        self._orphans.pop(job.id, None)
        self._jobs[job.id] = job
        self._by_tenant.setdefault(job.tenant, SortedIds()).add(job.id)
        if job.grouping is not None:
            self._by_grouping.setdefault((job.tenant, job.grouping), SortedIds()).add(job.id)
        if job.queue in self.queues:
            self.queues[job.queue].enter(job)

    def _count(self, job: HotJob, before: Status) -> None:
        if job.status is not before and job.queue in self.queues:
            self.queues[job.queue].leave(job, before)
            self.queues[job.queue].enter(job)

    def _note_finished(self, job: HotJob) -> None:
        job.pack()
        size = job.size_bytes
        self.finished_bytes += size
        self._finished.append((job, size))

    @property
    def crowded(self) -> bool:
        """Whether a finished job should leave, for want of room or for its age."""
        if not self._finished:
            return False
        return self.finished_bytes > self._hot_bytes or self._is_old(self._finished[0][0])

    def _is_old(self, job: HotJob) -> bool:
        return (job.finished_ms or 0) < self._clock_ms() - self._window_ms

    def make_room(self, archived: Mapping[str, Position]) -> int:
        """Let finished jobs go, oldest first, that are archived up to these positions. Returns how many went."""
        self.keys.forget_before(self._clock_ms() - self._window_ms)
        gone = 0
        while self.crowded and self._is_archived(self._finished[0][0], archived):
            job, size = self._finished.popleft()
            self.finished_bytes -= size
            self._drop(job)
            gone += 1
        return gone

    def _is_archived(self, job: HotJob, archived: Mapping[str, Position]) -> bool:
        return all(self._settled(self.topic_of(job, seen.stage), seen, archived) for seen in job.seen())

    def _settled(self, topic: str, seen: Seen, archived: Mapping[str, Position]) -> bool:
        """In the archive, and past our own tail, which would otherwise bring it back."""
        if seen.position is None:
            return True
        return archived.get(topic, "") >= seen.position and self.arrivals.has(topic, seen.position)

    def _drop(self, job: HotJob) -> None:
        del self._jobs[job.id]
        self._left[job.tenant] = max(job.id, self._left.get(job.tenant, ""))
        _remove(self._by_tenant, job.tenant, job.id)
        if job.grouping is not None:
            _remove(self._by_grouping, (job.tenant, job.grouping), job.id)


_Key = TypeVar("_Key")


def _remove(index: dict[_Key, SortedIds], key: _Key, job_id: str) -> None:
    index[key].discard(job_id)
    if not index[key]:
        del index[key]
