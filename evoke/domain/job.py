"""The job and its fold: `evolve` is the only place that knows what an event means.

Topics of one job are read independently, so events of different topics may come in any order, and any
of them twice. The fold therefore accepts every order: what is known so far is folded, and the parts of a
job that no event has told yet are at their defaults (`requested` is None until the submission is seen).
Within the topic of terminal events order is the log's, and the first one wins.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    AttemptEvent,
    AttemptFailed,
    AttemptStarted,
    AttemptYielded,
    Cancelled,
    DeadLettered,
    Failed,
    Purged,
    Replayed,
    Requested,
    Succeeded,
    Terminal,
)


class Status(StrEnum):
    """Where a job stands. Only the last three are terminal."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """True when no event can change the status any more."""
        return self not in (Status.QUEUED, Status.RUNNING)


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of a job on a worker. started_ms and worker are unset while only its end was seen."""

    id: str
    worker: str = ""
    started_ms: int | None = None
    ended_ms: int | None = None
    error: ErrorClass | None = None
    message: str | None = None
    retry_at_ms: int | None = None
    yielded: bool = False

    @property
    def running(self) -> bool:
        """Started, and no end of it was seen."""
        return self.started_ms is not None and self.ended_ms is None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of one job. `revision` counts the events that changed it."""

    id: str
    tenant: str
    queue: str
    model: str
    requested: Requested | None = None
    attempts: tuple[Attempt, ...] = ()
    end: Terminal | None = None
    revision: int = 0

    @property
    def status(self) -> Status:
        """The job's status by what has been folded."""
        match self.end:
            case Succeeded():
                return Status.SUCCEEDED
            case Failed():
                return Status.FAILED
            case Cancelled():
                return Status.CANCELLED
            case _:
                return Status.RUNNING if self.owner is not None and self.owner.running else Status.QUEUED

    @property
    def owner(self) -> Attempt | None:
        """The newest started attempt, which owns the job."""
        return next((a for a in reversed(self.attempts) if a.started_ms is not None), None)

    @property
    def counted_attempts(self) -> int:
        """Attempts that count against the limit: all starts but those that yielded."""
        return sum(1 for a in self.attempts if a.started_ms is not None and not a.yielded)

    def attempt_number(self, attempt_id: str) -> int | None:
        """Rank from 1 of an attempt among the job's starts; None when no such start was seen."""
        started = [a.id for a in self.attempts if a.started_ms is not None]
        return started.index(attempt_id) + 1 if attempt_id in started else None

    def counted_before(self, attempt_id: str) -> int:
        """How many attempts that count started before the given one."""
        count = 0
        for attempt in self.attempts:
            if attempt.id == attempt_id:
                return count
            count += attempt.started_ms is not None and not attempt.yielded
        return count


def evolve(job: Job | None, event: AnyEvent) -> Job:
    """Fold one event into a job (None: the job's first event). Pure; folding an event again changes nothing.

    Dead-letter events change no job: the terminal `Failed` beside them does.
    """
    if job is None:
        job = Job(id=event.job_id, tenant=event.tenant, queue=event.queue, model=event.model)
    match event:
        case Requested():
            return job if job.requested is not None else _changed(job, requested=event, model=event.model)
        case AttemptStarted() | AttemptFailed() | AttemptYielded():
            return _evolve_attempt(job, event)
        case Succeeded() | Failed() | Cancelled():
            return job if job.end is not None else _changed(job, end=event)
        case DeadLettered() | Replayed() | Purged():
            return job


def _changed(job: Job, **fields: object) -> Job:
    return msgspec.structs.replace(job, revision=job.revision + 1, **fields)


def _evolve_attempt(job: Job, event: AttemptEvent) -> Job:
    known = next((a for a in job.attempts if a.id == event.attempt_id), None)
    attempt = _folded(known or Attempt(id=event.attempt_id), event)
    if attempt == known:
        return job
    if known is None:
        return _changed(job, attempts=(*job.attempts, attempt))
    others = tuple(attempt if a.id == attempt.id else a for a in job.attempts)
    return _changed(job, attempts=others)


def _folded(attempt: Attempt, event: AttemptEvent) -> Attempt:
    replace = msgspec.structs.replace
    if isinstance(event, AttemptStarted):
        if attempt.started_ms is not None:
            return attempt
        return replace(attempt, started_ms=event.time_ms, worker=event.worker)
    if attempt.ended_ms is not None:
        return attempt
    if isinstance(event, AttemptYielded):
        return replace(attempt, ended_ms=event.time_ms, yielded=True, message=event.reason)
    return replace(
        attempt,
        ended_ms=event.time_ms,
        error=event.error,
        message=event.message,
        retry_at_ms=event.retry_at_ms,
    )
