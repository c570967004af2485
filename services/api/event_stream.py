"""The life of one job as a stream: what has happened, then what happens, until its end."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from evoke.domain.errors import NotFound, Unavailable
from evoke.domain.events import AnyEvent, DeadLettered, Purged, Replayed, Succeeded
from evoke.domain.job import Job, evolve
from evoke.domain.progress import Progress
from evoke.hot_view import HotJob, Stage
from evoke.hot_view.hot_job import stage_of
from evoke.ports.event_log import Position
from services.api.context import Context
from services.api.lookup import Lookup
from services.api.schemas.jobs import artifact_documents
from services.api.tokens import parse_stream_token, stream_token

HEARTBEAT_S = 15.0
_MOST_STREAMS = 10_000
_Placed = tuple[Stage, Position, AnyEvent]


class StreamItem(msgspec.Struct, frozen=True):
    """One message. id: resumes the stream after it. event is empty for a heartbeat."""

    event: str
    id: str
    data: Any
    terminal: bool = False


HEARTBEAT = StreamItem("", "", None)


class EventStream:
    """One onlooker's stream of one job."""

    def __init__(self, context: Context, lookup: Lookup, tenant: str, job_id: str, token: str | None) -> None:
        """token: the id of the last message that was seen. Raises InvalidInput."""
        self._context = context
        self._lookup = lookup
        self._tenant = tenant
        self._job_id = job_id
        self._reached = parse_stream_token(token) if token else [Position("")] * len(Stage)
        self._archived: list[_Placed] | None = None
        self._hot: HotJob | None = None

    async def open(self) -> bool:
        """Find the job. False when all of it was seen already. Raises NotFound, Unavailable."""
        if len(self._context.view.watchers) >= _MOST_STREAMS:
            raise Unavailable("too many streams are open", retry_after_s=10)
        self._hot = await self._lookup.find_hot(self._tenant, self._job_id)
        if self._hot is None or any(seen.position is None for seen in self._hot.seen()):
            self._archived = await self._read_archived()
        if self._hot is None and not self._archived:
            raise NotFound(f"there is no job {self._job_id!r}")
        ends = [position for stage, position, _event in self._events() if stage is Stage.COMPLETED]
        return not ends or min(ends) > self._reached[Stage.COMPLETED]

    async def _read_archived(self) -> list[_Placed]:
        found = await self._lookup.archived(self._tenant, self._job_id)
        return [
            (stage_of(event), position, event)
            for position, event in found
            if not isinstance(event, (DeadLettered, Replayed, Purged))
        ]

    async def items(self) -> AsyncIterator[StreamItem]:
        """Messages until the end of the job or of this process; a heartbeat whenever there was none for a while."""
        if self._hot is None:
            for item in self._news():
                yield item
            return
        with self._context.view.watchers.watching(self._job_id) as watcher:
            while not self._context.closing.is_set():
                for item in self._news():
                    yield item
                    if item.terminal:
                        return
                for report in watcher.take():
                    for item in self._live(report):
                        yield item
                if not await watcher.wait(HEARTBEAT_S):
                    yield HEARTBEAT

    def _events(self) -> Sequence[_Placed]:
        """All known events of the job in the order of its life, each once."""
        known = {placed[:2]: placed for placed in self._archived or ()}
        for seen in self._hot.seen() if self._hot is not None else ():
            if seen.position is not None:
                known[seen.stage, seen.position] = (seen.stage, seen.position, seen.event)
        return [known[place] for place in sorted(known)]

    def _news(self) -> list[StreamItem]:
        """What was not sent yet, folded along so that each message tells the status after it."""
        news: list[StreamItem] = []
        job: Job | None = None
        for stage, position, event in self._events():
            before, job = job, evolve(job, event)
            if job is before or position <= self._reached[stage]:
                continue
            self._reached[stage] = position
            news.append(_told(event, job, stream_token(self._reached)))
        return news

    def _live(self, report: Progress) -> list[StreamItem]:
        token = stream_token(self._reached)
        items = []
        if report.step is not None:
            data = {
                "attempt": report.attempt,
                "step": report.step,
                "total": report.total,
                "unit": report.unit,
            }
            items.append(StreamItem("progress", token, data))
        if report.log is not None:
            items.append(StreamItem("log", token, {"text": report.log}))
        if report.preview is not None:
            picture = base64.b64encode(report.preview.data).decode()
            items.append(
                StreamItem("preview", token, {"media_type": report.preview.media_type, "data": picture})
            )
        return items


def _told(event: AnyEvent, job: Job, token: str) -> StreamItem:
    data: dict[str, Any] = msgspec.to_builtins(event)
    if isinstance(event, Succeeded):
        data["artifacts"] = msgspec.to_builtins(artifact_documents(job))
    data["status"] = job.status.value
    name = str(type(event).__struct_config__.tag).partition(".")[0]
    return StreamItem(name, token, data, terminal=job.end is event)
