"""One job in memory: its events as they lie in the log, decoded only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from sys import intern

import msgspec

from evoke.codec import decode
from evoke.domain.events import AnyEvent, AttemptFailed, AttemptStarted, AttemptYielded, Requested
from evoke.domain.job import Job, Status, evolve
from evoke.domain.topics import Lane
from evoke.ports.event_log import Position


class Stage(IntEnum):
    """Which of a job's topics an event came from, in the order in which a job lives."""

    REQUESTED = 0
    ATTEMPTS = 1
    COMPLETED = 2


class Seen(msgspec.Struct, frozen=True, gc=False):
    """An event of a job as it lies in the log. position: None when it was restored from the archive."""

    stage: Stage
    position: Position | None
    payload: bytes

    @property
    def event(self) -> AnyEvent:
        """The event, decoded."""
        return decode(self.payload)


def stage_of(event: AnyEvent) -> Stage:
    """The stage of an event that belongs to a job's life."""
    if isinstance(event, Requested):
        return Stage.REQUESTED
    attempt = isinstance(event, (AttemptStarted, AttemptFailed, AttemptYielded))
    return Stage.ATTEMPTS if attempt else Stage.COMPLETED


_OVERHEAD_BYTES = 420
"""What a job costs beside its payloads: the object, its id, its places in the indexes."""


class HotJob:
    """A job's events, and of its fold only what the indexes need.

    `requested` is None until the submission was seen: topics are read independently.
    """

    __slots__ = (
        "created_ms",
        "door",
        "finished_ms",
        "grouping",
        "id",
        "keyed",
        "lane",
        "later",
        "model",
        "queue",
        "requested",
        "status",
        "tenant",
    )

    def __init__(self, event: AnyEvent) -> None:
        self.id = event.job_id
        self.tenant = intern(event.tenant)
        self.queue = intern(event.queue)
        self.model = intern(event.model)
        self.status = Status.QUEUED
        self.lane = Lane.INTERACTIVE
        self.door = ""
        self.keyed = False
        self.grouping: str | None = None
        self.created_ms = event.time_ms
        self.finished_ms: int | None = None
        self.requested: Seen | None = None
        self.later: tuple[Seen, ...] = ()

    @property
    def visible(self) -> bool:
        """Whether the submission was seen; without it a job is nobody's."""
        return self.requested is not None

    @property
    def size_bytes(self) -> int:
        """About how much memory the job takes."""
        return _OVERHEAD_BYTES + sum(len(seen.payload) + 150 for seen in self.seen())

    def seen(self) -> Iterator[Seen]:
        """Its events in the order of a job's life: submission, attempts, end."""
        if self.requested is not None:
            yield self.requested
        yield from self.later

    def fold(self) -> Job:
        """The job as its events tell it."""
        job: Job | None = None
        for seen in self.seen():
            job = evolve(job, seen.event)
        return job or Job(id=self.id, tenant=self.tenant, queue=self.queue, model=self.model)

    def add(self, event: AnyEvent, position: Position | None, payload: bytes) -> bool:
        """Take an event in. Returns False when it changes nothing: seen before, or after the end."""
        if isinstance(event, Requested):
            return self._add_requested(event, position, payload)
        before = self.fold()
        after = evolve(before, event)
        if after is before:
            return False
        seen = Seen(stage_of(event), position, payload)
        self.later = tuple(sorted((*self.later, seen), key=_by_stage))
        self._note(after, event)
        return True

    def _add_requested(self, event: Requested, position: Position | None, payload: bytes) -> bool:
        if self.requested is not None:
            return False
        self.requested = Seen(Stage.REQUESTED, position, payload)
        self.lane = event.lane
        self.model = intern(event.model)
        self.door = intern(event.door)
        self.keyed = event.idempotency_key is not None
        grouping = event.metadata.get("grouping")
        self.grouping = intern(grouping) if isinstance(grouping, str) else None
        self.created_ms = event.time_ms
        return True

    def _note(self, job: Job, event: AnyEvent) -> None:
        self.status = job.status
        if job.end is event:
            self.finished_ms = event.time_ms


def _by_stage(seen: Seen) -> int:
    return seen.stage
