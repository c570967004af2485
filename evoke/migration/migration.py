"""Tells one engine's log again to another, each entry once, whatever ends the run in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from evoke.domain import topics
from evoke.domain.errors import Conflict, Unavailable
from evoke.domain.topics import Lane
from evoke.migration import MIGRATED, MIGRATED_AT
from evoke.migration.artifacts import ArtifactCopier
from evoke.migration.progress import Progress, ProgressFile, TopicProgress
from evoke.migration.tale import told
from evoke.migration.waves import waves
from evoke.ports.archive import Archive
from evoke.ports.event_log import EventLog, LogEntry, Position, Record

_PAGE = 1000
_TRIES, _PAUSE_S = 8, 0.5


def in_order(queue: str) -> tuple[str, ...]:
    """A queue's topics as they are told: a request comes last, so that whoever takes it finds how its job went."""
    return (
        topics.completed(queue),
        topics.attempts(queue),
        topics.dead_letters(queue),
        topics.requested(queue, Lane.INTERACTIVE),
        topics.requested(queue, Lane.BULK),
    )


@dataclass(frozen=True)
class Source:
    """What is told: nobody may write to it meanwhile."""

    log: EventLog
    archive: Archive


@dataclass(frozen=True)
class Told:
    """What became of one topic. entries: of all runs together."""

    topic: str
    entries: int


class Migration:
    """From a source to a log, in runs that each go on where the last one ended."""

    def __init__(
        self,
        source: Source,
        target: EventLog,
        artifacts: ArtifactCopier,
        file: ProgressFile,
        *,
        parts: int = 1,
    ) -> None:
        """parts: of the target's topics; the source's have one."""
        self._parts = parts
        self._source = source
        self._target = target
        self._artifacts = artifacts
        self._file = file

    async def run(self, queues: Sequence[str], *, beside_others: bool = False) -> AsyncIterator[Told]:
        """Tell everything that was not told yet; yield each topic at its end.

        beside_others: begin although the target holds events already. Raises Conflict when it does and that was not
        said, Unavailable when one of the two engines does not answer for long: then run it again.
        """
        names = [topic for queue in queues for topic in in_order(queue)]
        progress = self._file.load() or await self._begun(names, beside_others)
        for topic in names:
            known = progress.topics.setdefault(topic, TopicProgress())
            await self._tell(topic, known, progress)
            yield Told(topic, known.entries)
        progress.finished = True
        self._file.save(progress)

    async def _begun(self, names: Sequence[str], beside_others: bool) -> Progress:
        progress = Progress(target=self._file.target)
        for topic in names:
            known = progress.topics[topic] = TopicProgress(marks=await self._ends(topic))
            used = [name for name, end in known.marks.items() if end is not None]
            if used and not beside_others:
                raise Conflict(f"{used[0]} holds events already: the engine that is migrated to is in use")
        self._file.save(progress)
        return progress

    async def _ends(self, topic: str) -> dict[str, Position | None]:
        names = [topics.in_part(topic, part) for part in range(self._parts)]
        if topic.startswith(topics.dead_letters("")):
            names = names[:1]
        return {name: await self._target.end(name) for name in names}

    async def _tell(self, topic: str, known: TopicProgress, progress: Progress) -> None:
        there = await self._there(known.marks)
        async for page in told(self._source.archive, self._source.log, topic, known.done):
            await self._artifacts.copy_for(page)
            for wave in waves(page):
                await self._append(wave, known.marks, there)
                known.done = wave[-1].position
                known.entries += len(wave)
            known.marks = await self._ends(topic)
            self._file.save(progress)
            there = set()

    async def _there(self, marks: Mapping[str, Position | None]) -> set[str]:
        """Source positions of what was told since the last step that the file knows of."""
        found: set[str] = set()
        for name, mark in marks.items():
            after = mark
            while page := await self._target.read(name, after, _PAGE):
                found.update(entry.properties[MIGRATED] for entry in page if MIGRATED in entry.properties)
                after = page[-1].position
        return found

    async def _append(
        self, wave: Sequence[LogEntry], marks: Mapping[str, Position | None], there: set[str]
    ) -> None:
        """Append what is not there. An append without an answer may have succeeded: look before trying again."""
        names = list(marks)
        for attempt in range(_TRIES):
            missing = [entry for entry in wave if entry.position not in there]
            outcomes = await asyncio.gather(
                *(self._target.append(_record(entry, names)) for entry in missing), return_exceptions=True
            )
            failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            if not failed:
                return
            if not isinstance(failed[0], Unavailable) or attempt == _TRIES - 1:
                raise failed[0]
            await asyncio.sleep(_PAUSE_S * 2**attempt)
            there |= await self._there(marks)


def _record(entry: LogEntry, names: Sequence[str]) -> Record:
    """names: of the parts of the target's topic."""
    told_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    said = {**entry.properties, MIGRATED: entry.position, MIGRATED_AT: told_at}
    name = names[topics.part_of(entry.key, len(names))]
    return Record(name, entry.key, entry.payload, said)
