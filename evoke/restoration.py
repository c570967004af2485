"""After the loss of a log: what the archive has of unfinished jobs is told to the log that stands in its place.

A log that is lost takes with it who was next in every queue. The archive knows the jobs that it has seen no end of:
what workers have to know of them is appended again, their requests last, and only then does the archive go on with the
new log. Until then nobody who follows the log starts, so that nothing can be passed over; whoever is killed on the way
goes on where the last run ended. See docs/decisions/0075.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evoke.codec import encode, properties
from evoke.continuity import RESTORED
from evoke.domain import topics
from evoke.domain.errors import InvalidInput
from evoke.domain.events import AnyEvent, AttemptFailed, AttemptStarted, AttemptYielded, Requested
from evoke.migration import MIGRATED_AT
from evoke.ports.archive import Archive
from evoke.ports.event_log import EventLog, Record
from evoke.ports.history import History

SOURCE = "/restoration"
AT_ONCE = 200
"""Jobs that are told at once."""
_PAGE = 1000

Told = tuple[str, str, bytes]
"""Topic, key and digest of an entry."""


@dataclass(frozen=True)
class Lost:
    """The archive of a log that is gone. log: that log's identity."""

    log: str
    archive: Archive
    history: History


@dataclass
class Restored:
    """jobs: unfinished ones that are in their queues again; before: those of them that an earlier run had told.

    left_out: ids of unfinished jobs that cannot go on: no submission is archived, or the catalogue has not their queue.
    """

    jobs: int = 0
    before: int = 0
    left_out: list[str] = field(default_factory=list)


class Restoration:
    """Into a log that follows the lost one, in runs that each go on where the last one ended."""

    def __init__(
        self,
        lost: Lost,
        target: EventLog,
        queues: Sequence[str],
        *,
        parts: int = 1,
        reach: Callable[[str], None] = lambda name: None,
    ) -> None:
        """parts: of the target's topics. reach: passes the failpoint of that name."""
        self._lost = lost
        self._target = target
        self._queues = frozenset(queues)
        self._parts = parts
        self._reach = reach

    async def run(self) -> Restored:
        """Tell every unfinished job, then let the archive go on with the target. Raises Unavailable: run it again."""
        identity = await self._target.identity()
        if identity is None:
            raise InvalidInput("EVOKE_ENGINE", "the embedded log is restored from a copy")
        there = await self._there()
        done = Restored()
        some: list[Sequence[AnyEvent]] = []
        async for batch in self._lost.history.unfinished():
            for events in _by_job(batch):
                some.append(events)
                if len(some) >= AT_ONCE:
                    await self._tell_all(some, there, done)
                    some = []
        await self._tell_all(some, there, done)
        self._reach("restore.before_commit")
        await self._lost.archive.watermark()
        await self._lost.archive.continue_with(identity)
        return done

    async def _there(self) -> set[Told]:
        """What earlier runs have told."""
        found: set[Told] = set()
        for topic in (name for queue in sorted(self._queues) for name in topics.logged(queue, self._parts)):
            after = None
            while page := await self._target.read(topic, after, _PAGE):
                found.update(
                    (entry.topic, entry.key, _digest(entry.payload))
                    for entry in page
                    if RESTORED in entry.properties
                )
                after = page[-1].position
        return found

    async def _tell_all(self, some: Iterable[Sequence[AnyEvent]], there: set[Told], done: Restored) -> None:
        telling = [self._tell(events, there, done) for events in some]
        for outcome in await asyncio.gather(*telling, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _tell(self, events: Sequence[AnyEvent], there: set[Told], done: Restored) -> None:
        """One job: its attempts in their order, then its request, so that who takes it finds all its attempts."""
        request = next((event for event in events if isinstance(event, Requested)), None)
        if request is None or request.queue not in self._queues:
            done.left_out.append(events[0].job_id)
            return
        attempts = [e for e in events if isinstance(e, AttemptStarted | AttemptFailed | AttemptYielded)]
        told = False
        for event in (*attempts, request):
            record = self._record(event)
            if (record.topic, record.key, _digest(record.payload)) not in there:
                await self._target.append(record)
                told = True
        done.jobs += 1
        done.before += not told
        self._reach("restore.after_job")

    def _record(self, event: AnyEvent) -> Record:
        part = topics.part_of(event.job_id, self._parts)
        topic = (
            topics.requested(event.queue, event.lane, part)
            if isinstance(event, Requested)
            else topics.attempts(event.queue, part)
        )
        payload = encode(event)
        trace = event.traceparent if isinstance(event, Requested) else None
        said: Mapping[str, str] = {
            **properties(event, SOURCE, f"{self._lost.log}/{_digest(payload).hex()}", trace),
            RESTORED: self._lost.log,
            MIGRATED_AT: datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        return Record(topic, event.job_id, payload, said)


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()[:16]


def _by_job(batch: Iterable[AnyEvent]) -> Iterator[Sequence[AnyEvent]]:
    jobs: dict[str, list[AnyEvent]] = {}
    for event in batch:
        jobs.setdefault(event.job_id, []).append(event)
    yield from jobs.values()
