"""Dead letters that are outstanding: a fold of the `dlq_requested_` topics like everything else."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import msgspec

from evoke.domain.errors import ErrorClass
from evoke.domain.events import DeadLettered, DeadLetterEvent, Purged, Replayed
from evoke.ports.event_log import Position

_log = logging.getLogger(__name__)
_MESSAGE_CHARACTERS = 500


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a dead letter; its bytes are read back from `topic` at `position` when asked for.

    after: the position before its own in that topic, as far as this process knows.
    """

    id: str
    job_id: str
    tenant: str
    queue: str
    model: str
    error: ErrorClass
    message: str
    attempts: int
    time_ms: int
    origin: str
    topic: str
    position: Position
    after: Position | None = None


class LetterIndex:
    """Outstanding letters, oldest first; at most `bound` of them, beyond which the oldest are not shown.

    of_queue: how many there are by queue.
    """

    def __init__(self, bound: int = 100_000) -> None:
        self._bound = bound
        self._letters: dict[str, Letter] = {}
        self.of_queue: Counter[str] = Counter()

    def fold(self, event: DeadLetterEvent, topic: str, position: Position, after: Position | None) -> None:
        """Fold one event of a dead-letter topic."""
        match event:
            case DeadLettered():
                self._add(event, topic, position, after)
            case Replayed() | Purged():
                self._drop(event.letter_id)

    def _drop(self, letter_id: str) -> None:
        letter = self._letters.pop(letter_id, None)
        if letter is not None:
            self.of_queue[letter.queue] -= 1

    def _add(self, event: DeadLettered, topic: str, position: Position, after: Position | None) -> None:
        if event.letter_id in self._letters:
            return
        self.of_queue[event.queue] += 1
        self._letters[event.letter_id] = Letter(
            id=event.letter_id,
            job_id=event.job_id,
            tenant=event.tenant,
            queue=event.queue,
            model=event.model,
            error=event.error,
            message=event.message[:_MESSAGE_CHARACTERS],
            attempts=event.attempts,
            time_ms=event.time_ms,
            origin=event.origin,
            topic=topic,
            position=position,
            after=after,
        )
        if len(self._letters) > self._bound:
            oldest = next(iter(self._letters))
            self._drop(oldest)
            _log.warning(
                "more dead letters than can be shown", extra={"letter_id": oldest, "bound": self._bound}
            )

    def get(self, letter_id: str) -> Letter | None:
        """An outstanding letter."""
        return self._letters.get(letter_id)

    def newest_first(self) -> Iterator[Letter]:
        """All outstanding letters, the newest first. Not to be changed meanwhile."""
        return reversed(self._letters.values())

    def __len__(self) -> int:
        return len(self._letters)
