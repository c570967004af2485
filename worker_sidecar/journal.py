"""The events that a sidecar writes, each appended until the log has it."""

from __future__ import annotations

import time
from collections.abc import Callable

from evoke.codec import encode, properties
from evoke.domain import topics
from evoke.domain.events import (
    AnyEvent,
    AttemptFailed,
    AttemptStarted,
    AttemptYielded,
    DeadLettered,
    Failed,
    Succeeded,
)
from evoke.ports.event_log import EventLog, Position, Record
from worker_sidecar.patience import persist


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class Journal:
    """Appends this worker's events."""

    def __init__(self, log: EventLog, worker: str, on_retry: Callable[[], None], parts: int = 1) -> None:
        """parts: of each queue's topics."""
        self._parts = parts
        self._log = log
        self._source = f"/workers/{worker}"
        self._on_retry = on_retry

    async def append(self, event: AnyEvent, event_id: str, traceparent: str | None) -> tuple[str, Position]:
        """Append one event to the topic of its kind; return topic and position. Waits while the log is not writable.

        event_id: unique among this worker's events, the same when the event is repeated.
        """
        topic = topic_of(event, topics.part_of(event.job_id, self._parts))
        record = Record(
            topic, event.job_id, encode(event), properties(event, self._source, event_id, traceparent)
        )
        return topic, await persist(lambda: self._log.append(record), f"writing to {topic}", self._on_retry)


def topic_of(event: AnyEvent, part: int = 0) -> str:
    """Where an event of a sidecar belongs. Raises TypeError for events that others write."""
    match event:
        case AttemptStarted() | AttemptFailed() | AttemptYielded():
            return topics.attempts(event.queue, part)
        case Succeeded() | Failed():
            return topics.completed(event.queue, part)
        case DeadLettered():
            return topics.dead_letters(event.queue)
        case _:
            raise TypeError(f"a sidecar writes no {type(event).__name__}")
