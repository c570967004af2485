"""What the log says of the jobs in this sidecar's hands, and of no others.

A job's past is looked up by its key when it is received (`EventLog.find`); from then on the sidecar's own tail of the
two topics keeps it current. See docs/decisions/0020-a-jobs-past-is-looked-up.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from evoke.codec import decode
from evoke.domain import topics
from evoke.domain.errors import Unavailable, UndecodableEvent
from evoke.domain.job import Job, evolve
from evoke.ports.event_log import EventLog, LogEntry, Position

REOPEN_S = 0.25

_log = logging.getLogger(__name__)


class Interruption(StrEnum):
    """Why a running attempt has to stop before its model is done."""

    ENDED = "cancelled"
    NEWER = "newer_attempt"
    DRAIN = "drain"
    LOG_BEHIND = "log_not_followed"


class HeldJob:
    """One job in this sidecar's hands, folded from the log."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.job: Job | None = None
        self.attempt_id: str | None = None
        self.interruption: Interruption | None = None
        self._on_interruption: Callable[[], None] | None = None
        self._early: list[LogEntry] | None = []

    @property
    def ended(self) -> bool:
        """Whether the log holds a terminal event."""
        return self.job is not None and self.job.end is not None

    def interruptible(self, on_interruption: Callable[[], None] | None) -> None:
        """Call this back at an interruption; at once when there is one already. None: no longer."""
        self._on_interruption = on_interruption
        if on_interruption is not None and self.interruption is not None:
            on_interruption()

    def interrupt(self, why: Interruption) -> None:
        """Stop the running attempt; the first reason stays."""
        if self.interruption is None:
            self.interruption = why
            if self._on_interruption is not None:
                self._on_interruption()

    def see(self, entry: LogEntry) -> None:
        """Fold an entry of the tail; it waits while the job's past is still being looked up."""
        if self._early is not None:
            self._early.append(entry)
            return
        self._fold(entry)
        self._notice()

    def begin(self, past: Sequence[LogEntry]) -> None:
        """Fold the past, then what the tail brought meanwhile: each topic's events in the log's order."""
        early, self._early = self._early or [], None
        for entry in (*past, *early):
            self._fold(entry)
        self._notice()

    def _fold(self, entry: LogEntry) -> None:
        try:
            event = decode(entry.payload)
        except UndecodableEvent as error:
            _log.error(
                "an event of the log can't be read", extra={"position": entry.position, "error": str(error)}
            )
            return
        if event.job_id == self.job_id:
            self.job = evolve(self.job, event)

    def _notice(self) -> None:
        """Interrupt the own attempt when the job is over, or a newer attempt owns it."""
        job, mine = self.job, self.attempt_id
        if job is None:
            return
        if job.end is not None:
            self.interrupt(Interruption.ENDED)
        elif (
            mine is not None
            and job.owner is not None
            and job.owner.id != mine
            and job.attempt_number(mine) is not None
        ):
            self.interrupt(Interruption.NEWER)


class HeldJobs:
    """All jobs in this sidecar's hands."""

    def __init__(self, log: EventLog, queue: str, parts: int = 1) -> None:
        """parts: of the queue's topics."""
        self._log = log
        self._queue = queue
        self._parts = parts
        self._topics = self._of_parts(range(parts))
        self._held: dict[str, HeldJob] = {}
        self._seen: dict[str, Position | None] = {}
        self._waiting: list[tuple[str, Position, asyncio.Future[None]]] = []

    def _of_parts(self, parts: Iterable[int]) -> tuple[str, ...]:
        """The topics that tell what became of a request."""
        both = (topics.attempts, topics.completed)
        return tuple(topic(self._queue, part) for part in parts for topic in both)

    def __len__(self) -> int:
        return len(self._held)

    def get(self, job_id: str) -> HeldJob | None:
        """The job of that id, None when it is not held."""
        return self._held.get(job_id)

    def values(self) -> list[HeldJob]:
        """All that are held now."""
        return list(self._held.values())

    async def open(self) -> None:
        """Place the tail at the log's end. Raises Unavailable."""
        for topic in self._topics:
            self._seen[topic] = await self._log.end(topic)

    async def follow(self) -> None:
        """Keep the held jobs current, for ever. Raises LogCorrupt, LogReplaced."""
        while True:
            try:
                await self._log.identity()  # the places where it goes on are of the log that was opened
                async for batch in self._log.tail(self._seen):
                    for entry in batch:
                        held = self._held.get(entry.key)
                        if held is not None:
                            held.see(entry)
                        self._seen[entry.topic] = entry.position
                    self._wake()
            except Unavailable as error:
                _log.warning("the log can't be followed", extra={"error": str(error)})
            await asyncio.sleep(REOPEN_S)

    async def hold(self, job_ids: Sequence[str]) -> list[HeldJob]:
        """Take jobs into the hands, with all that the log says of them now; none is held yet. Raises Unavailable."""
        held = [HeldJob(job_id) for job_id in job_ids]
        self._held.update((each.job_id, each) for each in held)
        try:
            past: dict[str, list[LogEntry]] = {job_id: [] for job_id in job_ids}
            told_in = self._of_parts({topics.part_of(job_id, self._parts) for job_id in job_ids})
            for entry in await self._log.find(told_in, job_ids):
                past[entry.key].append(entry)
        except BaseException:
            for each in held:
                self.release(each)
            raise
        for each in held:
            each.begin(past[each.job_id])
        return held

    def release(self, held: HeldJob) -> None:
        """Let a job go. Idempotent."""
        if self._held.get(held.job_id) is held:
            del self._held[held.job_id]

    async def reached(self, topic: str, position: Position) -> None:
        """Wait until the tail has seen that position."""
        seen = self._seen[topic]
        if seen is not None and seen >= position:
            return
        arrival = asyncio.get_running_loop().create_future()
        self._waiting.append((topic, position, arrival))
        await arrival

    def _wake(self) -> None:
        still: list[tuple[str, Position, asyncio.Future[None]]] = []
        for waiting in self._waiting:
            topic, position, arrival = waiting
            seen = self._seen[topic]
            if arrival.done():
                continue
            if seen is not None and seen >= position:
                arrival.set_result(None)
            else:
                still.append(waiting)
        self._waiting = still
