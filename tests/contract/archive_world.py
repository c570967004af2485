"""Jobs with histories, written into an archive as the archiver would."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evoke import codec
from evoke.domain import topics
from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    Artifact,
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
)
from evoke.domain.ids import job_time_ms, uuid7
from evoke.domain.topics import Lane
from evoke.ports.archive import Archive, EventRow
from evoke.ports.event_log import LogEntry, Position
from services.archiver.rows import row_of

HOUR_MS = 3_600_000
LONG_AGO_MS = time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS - 72 * HOUR_MS
"""A full hour three days ago: its partition is closed, its log entries are young."""

_positions = itertools.count(1)
_randomness = random.Random(20261121)


def new_id(time_ms: int) -> str:
    """A job id of that moment."""
    return uuid7(time_ms, _randomness.randbytes(10))


@dataclass
class World:
    """One tenant's jobs in one queue, and the archive that they are written to."""

    archive: Archive
    queue: str
    tenant: str = ""
    entries: list[LogEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tenant = self.tenant or f"tenant_of_{self.queue}"

    def job(self, time_ms: int, **changed: Any) -> Tale:
        """A new job that was accepted at that moment; `changed` are fields of its `Requested`."""
        tale = Tale(self, new_id(time_ms), time_ms)
        tale.add(Requested(**tale.about(), **{"input": {"prompt": "a red circle"}, **changed}))
        return tale

    def rows(self) -> list[EventRow]:
        """What was not committed yet, as rows."""
        queues = dict.fromkeys(topics.logged(self.queue), self.queue)
        return [row_of(entry, queues, LONG_AGO_MS) for entry in self.entries]

    async def commit(self) -> Mapping[str, Position]:
        """Archive what was not committed yet; return its watermark."""
        rows, watermark = self.rows(), {entry.topic: entry.position for entry in self.entries}
        await self.archive.commit(rows, watermark)
        self.entries.clear()
        return watermark


@dataclass
class Tale:
    """One job's life, told event by event."""

    world: World
    id: str
    time_ms: int
    events: list[tuple[str, Position, AnyEvent]] = field(default_factory=list)

    def about(self, after_ms: int = 0) -> dict[str, Any]:
        """The fields that all its events share."""
        return {
            "job_id": self.id,
            "tenant": self.world.tenant,
            "queue": self.world.queue,
            "model": "shapes-64",
            "time_ms": self.time_ms + after_ms,
        }

    def add(self, event: AnyEvent) -> Tale:
        """Put an event at the end of its topic."""
        position = Position(f"{next(_positions):016x}")
        topic = topic_of(event)
        self.events.append((topic, position, event))
        self.world.entries.append(LogEntry(topic, position, self.id, codec.encode(event)))
        return self

    def started(self, attempt: str = "a1", after_ms: int = 100) -> Tale:
        return self.add(AttemptStarted(**self.about(after_ms), attempt_id=attempt, worker="w"))

    def attempt_failed(self, attempt: str = "a1", after_ms: int = 200) -> Tale:
        event = AttemptFailed(
            **self.about(after_ms), attempt_id=attempt, error=ErrorClass.MODEL_LOST, message="it went away"
        )
        return self.add(event)

    def yielded(self, attempt: str = "a1", after_ms: int = 200) -> Tale:
        return self.add(AttemptYielded(**self.about(after_ms), attempt_id=attempt, reason="drain"))

    def succeeded(self, attempt: str = "a1", after_ms: int = 1500, sizes: Iterable[int] = (400, 600)) -> Tale:
        artifacts = tuple(
            Artifact(
                name=f"{n}.png", media_type="image/png", size_bytes=size, sha256="0" * 64, key=f"k/{n}.png"
            )
            for n, size in enumerate(sizes)
        )
        return self.add(Succeeded(**self.about(after_ms), attempt_id=attempt, artifacts=artifacts, seed=7))

    def failed(self, message: str = "out of ideas", after_ms: int = 900) -> Tale:
        return self.add(Failed(**self.about(after_ms), error=ErrorClass.MODEL_ERROR, message=message))

    def cancelled(self, after_ms: int = 300) -> Tale:
        return self.add(Cancelled(**self.about(after_ms)))

    def dead_lettered(self, after_ms: int = 800) -> Tale:
        event = DeadLettered(
            **self.about(after_ms),
            letter_id=f"letter-{self.id}",
            request=b"\xff",
            error=ErrorClass.MODEL_ERROR,
            message="boom",
            attempts=3,
            origin="worker",
        )
        return self.add(event)

    @property
    def told(self) -> list[tuple[Position, AnyEvent]]:
        """Its events as history gives them: by topic, then in log order."""
        ordered = sorted(self.events, key=lambda known: known[:2])
        return [(position, event) for _, position, event in ordered]


def topic_of(event: AnyEvent) -> str:
    """The topic that an event belongs to."""
    match event:
        case Requested():
            return topics.requested(event.queue, Lane(event.lane))
        case AttemptStarted() | AttemptFailed() | AttemptYielded():
            return topics.attempts(event.queue)
        case Succeeded() | Failed() | Cancelled():
            return topics.completed(event.queue)
        case DeadLettered() | Replayed() | Purged():
            return topics.dead_letters(event.queue)


def hours_apart(count: int) -> list[int]:
    """Unix ms of `count` moments, each in an hour of its own, oldest first."""
    return [LONG_AGO_MS + number * HOUR_MS + 60_000 for number in range(count)]


def job_hour(job_id: str) -> int:
    """The hour inside a job's id."""
    return job_time_ms(job_id) // HOUR_MS
