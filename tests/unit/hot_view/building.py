"""Small builders of events and log entries, in log order."""

from __future__ import annotations

from itertools import count
from typing import Any

from evoke.codec import encode
from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    AttemptStarted,
    AttemptYielded,
    Cancelled,
    DeadLettered,
    Failed,
    Purged,
    Requested,
    Succeeded,
)
from evoke.domain.ids import uuid7
from evoke.domain.topics import Lane, attempts, completed, dead_letters, requested
from evoke.hot_view import HotView
from evoke.ports.event_log import LogEntry, Position

QUEUE = "queue"


def job_id(number: int) -> str:
    """Ids in ascending order."""
    return uuid7(1_700_000_000_000 + number, number.to_bytes(10, "big"))


class Log:
    """Hands out positions, and folds each entry into a view as its tail would."""

    def __init__(self, view: HotView) -> None:
        self.view = view
        self._positions = count(1)
        self.ends: dict[str, Position] = {}

    def write(self, event: AnyEvent, topic: str | None = None) -> LogEntry:
        """An entry at the end of its topic; not folded."""
        place = topic or _topic_of(event)
        position = Position(f"{next(self._positions):08d}")
        self.ends[place] = position
        return LogEntry(place, position, event.job_id, encode(event))

    def tell(self, *events: AnyEvent) -> None:
        """Write events and fold them."""
        for event in events:
            self.view.fold([self.write(event)])


def _topic_of(event: AnyEvent) -> str:
    if isinstance(event, Requested):
        return requested(event.queue, event.lane)
    if isinstance(event, (AttemptStarted, AttemptYielded)):
        return attempts(event.queue)
    if isinstance(event, (Succeeded, Failed, Cancelled)):
        return completed(event.queue)
    return dead_letters(event.queue)


def names(number: int, tenant: str = "default") -> dict[str, Any]:
    """What all events of a job carry."""
    return {
        "job_id": job_id(number),
        "tenant": tenant,
        "queue": QUEUE,
        "model": "model",
        "time_ms": 1_700_000_000_000 + number,
    }


def submission(number: int, tenant: str = "default", **fields: Any) -> Requested:
    return Requested(**names(number, tenant), input={"prompt": "a"}, **fields)


def bulk(number: int) -> Requested:
    return submission(number, lane=Lane.BULK)


def start(number: int, attempt: str = "1") -> AttemptStarted:
    return AttemptStarted(**names(number), attempt_id=attempt, worker="w")


def yielded(number: int, attempt: str = "1") -> AttemptYielded:
    return AttemptYielded(**names(number), attempt_id=attempt, reason="drain")


def success(number: int, tenant: str = "default") -> Succeeded:
    return Succeeded(**names(number, tenant), attempt_id="1", seed=5)


def failure(number: int) -> Failed:
    return Failed(**names(number), error=ErrorClass.MODEL_ERROR, message="broke")


def letter(number: int, letter_id: str) -> DeadLettered:
    return DeadLettered(
        **names(number),
        letter_id=letter_id,
        request=b"raw",
        error=ErrorClass.POISON,
        message="m" * 2000,
        attempts=3,
        origin="w",
    )


def purge(number: int, letter_id: str) -> Purged:
    return Purged(**names(number), letter_id=letter_id)
