"""Dead letters: found, read back, replayed, purged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from evoke.codec import decode, encode, properties
from evoke.domain.errors import Conflict, EvokeError, NotFound, UndecodableEvent, UnknownModel
from evoke.domain.events import DeadLettered, Purged, Replayed, Requested
from evoke.domain.ids import RANDOM_BYTES, uuid7
from evoke.domain.topics import dead_letters
from evoke.hot_view import Letter
from evoke.ports.event_log import Record
from evoke.ports.history import QueryLimits
from services.api.context import Context
from services.api.exchange import Principal
from services.api.submission import REPLAY_KEY, SOURCE, Submissions, Wanted

_LIMITS = QueryLimits(rows=10, time_s=20.0)
_LOOK_BACK = 64


class LetterFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters: of a queue, of an error class, of both."""

    queue: str | None = None
    error: str | None = None

    def matches(self, letter: Letter) -> bool:
        """Whether the letter is wanted."""
        return self.queue in (None, letter.queue) and self.error in (None, letter.error.value)


class DeadLetters:
    """The outstanding letters of a tenant; those of no tenant (undecodable requests) are for operators."""

    def __init__(self, context: Context, submissions: Submissions) -> None:
        self._context = context
        self._submissions = submissions

    def _sees(self, principal: Principal, letter: Letter) -> bool:
        return letter.tenant == principal.tenant or (not letter.tenant and principal.may("operate"))

    def newest_first(self, principal: Principal, wanted: LetterFilter) -> Iterator[Letter]:
        """Letters that match, newest first."""
        for letter in self._context.view.letters.newest_first():
            if self._sees(principal, letter) and wanted.matches(letter):
                yield letter

    def get(self, principal: Principal, letter_id: str) -> Letter:
        """The letter of that id, or of the job of that id: who looks for one has the job's at hand. Raises NotFound."""
        letter = self._context.view.letters.get(letter_id)
        if letter is not None and self._sees(principal, letter):
            return letter
        for letter in self.newest_first(principal, LetterFilter()):
            if letter.job_id == letter_id:
                return letter
        raise NotFound(f"there is no dead letter {letter_id[:80]!r}")

    async def request_bytes(self, letter: Letter) -> bytes:
        """The request's raw bytes, read back from the log, or from history once the log has forgotten them.

        Raises NotFound, Unavailable.
        """
        for entry in await self._context.log.read(letter.topic, letter.after, _LOOK_BACK):
            if entry.position == letter.position:
                return _request_of(entry.payload, letter)
        escaped = letter.id.replace("'", "''")
        sql = (
            "SELECT payload FROM job_events WHERE type = 'dead_lettered.v1' "  # noqa: S608  # quotes are doubled
            f"AND position = '{letter.position}' AND payload LIKE '%{escaped}%'"  # quotes are doubled
        )
        result = await self._context.history.query(letter.tenant, sql, _LIMITS)
        for row in result.rows:
            return _request_of(str(row[0]).encode(), letter)
        raise NotFound(f"the bytes of dead letter {letter.id[:80]!r} are gone")

    async def replay(self, letter: Letter, traceparent: str | None) -> str:
        """Submit the letter's request again and return the new job's id.

        A replay that was cut short is finished by the next one: it finds the job by the letter's own key.
        Raises Conflict when the bytes are no request that can be accepted today; as submits do.
        """
        asked = await self._request(letter)
        try:
            model = self._context.catalogue.get(asked.model)
        except UnknownModel as error:
            raise Conflict(f"the letter can't be replayed: {error}") from error
        wanted = Wanted(
            tenant=asked.tenant,
            model=model,
            input=asked.input,
            metadata=asked.metadata,
            priority=asked.priority,
            key=f"{REPLAY_KEY}{letter.id}",
            digest="",
            door=asked.door,
            replay_of=letter.job_id or None,
            traceparent=traceparent,
            files=asked.files,
            link=asked.traceparent,
        )
        accepted = await self._submissions.submit(wanted)
        await self._close(Replayed(**self._names(letter), letter_id=letter.id, new_job_id=accepted.job_id))
        return accepted.job_id

    async def _request(self, letter: Letter) -> Requested:
        try:
            event = decode(await self.request_bytes(letter))
        except UndecodableEvent as error:
            raise Conflict(f"the letter's bytes are no request: {str(error)[:200]}") from error
        if not isinstance(event, Requested) or event.tenant != letter.tenant:
            raise Conflict("the letter's bytes are no request of its tenant")
        return event

    async def purge(self, letter: Letter) -> None:
        """Throw the letter away. Raises Unavailable, StorageFull."""
        await self._close(Purged(**self._names(letter), letter_id=letter.id))

    async def _close(self, event: Replayed | Purged) -> None:
        context = self._context
        topic = dead_letters(event.queue)
        said = properties(event, SOURCE, uuid7(event.time_ms, context.randomness(RANDOM_BYTES)), None)
        position = await context.log.append(
            Record(topic, event.job_id or event.letter_id, encode(event), said)
        )
        await context.view.arrivals.wait(topic, position, context.settings.position_wait_s)

    def _names(self, letter: Letter) -> dict[str, Any]:
        return {
            "job_id": letter.job_id,
            "tenant": letter.tenant,
            "queue": letter.queue,
            "model": letter.model,
            "time_ms": self._context.clock_ms(),
        }

    async def each(
        self, letters: list[Letter], budget_s: float, replay: bool, traceparent: str | None
    ) -> tuple[dict[str, str | None], dict[str, EvokeError]]:
        """Replay or purge letters one by one, for at most `budget_s` seconds.

        Returns the new job (None: purged) of each letter that is done, and why the others are not.
        """
        done: dict[str, str | None] = {}
        refused: dict[str, EvokeError] = {}
        deadline = time.monotonic() + budget_s
        for letter in letters:
            if time.monotonic() > deadline:
                break
            try:
                if replay:
                    done[letter.id] = await self.replay(letter, traceparent)
                else:
                    await self.purge(letter)
                    done[letter.id] = None
            except EvokeError as error:
                refused[letter.id] = error
        return done, refused


def _request_of(payload: bytes, letter: Letter) -> bytes:
    event = decode(payload)
    if not isinstance(event, DeadLettered) or event.letter_id != letter.id:
        raise NotFound(f"the bytes of dead letter {letter.id[:80]!r} are gone")
    return event.request
