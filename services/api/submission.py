"""Accepting a job: one append, then it is durable, queued and in the log at once."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter
from typing import Any

import msgspec

from evoke.codec import encode, properties
from evoke.domain.catalogue import Model
from evoke.domain.errors import IdempotencyMismatch, InvalidInput, QueueFull, Unavailable
from evoke.domain.events import Cancelled, InputFile, Requested
from evoke.domain.ids import RANDOM_BYTES, uuid7
from evoke.domain.job import evolve
from evoke.domain.topics import Lane, completed, part_of, requested
from evoke.hot_view import HotJob
from evoke.ports.event_log import Position, Record
from services.api.context import Context
from services.api.found import Found, Fresh
from services.api.json_door import require_plain

SOURCE = "/services/api"
REPLAY_KEY = "evoke:replay:"
"""Replays of dead letters claim keys of their own, so that a replay that was cut short makes no second job."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_GROUPING_CHARACTERS = 200
_METADATA_BYTES = 16_384
_PRIORITY = 1000
_RETRY_AFTER_S = 5.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A job to accept. key: idempotency key; digest: of the body as it was submitted.

    link: trace context of the request that this one repeats.
    """

    tenant: str
    model: Model
    input: dict[str, Any]
    metadata: dict[str, Any] = {}
    priority: int = 0
    key: str | None = None
    digest: str | None = None
    door: str = "jobs"
    replay_of: str | None = None
    traceparent: str | None = None
    files: tuple[InputFile, ...] = ()
    link: str | None = None


class Accepted(msgspec.Struct, frozen=True):
    """The job that answers a submit. repeated: it was there before, by its idempotency key; else `fresh` holds it."""

    job_id: str
    repeated: bool
    fresh: Found | None = None


def check_key(key: str | None) -> str | None:
    """An Idempotency-Key as it may be. Raises InvalidInput."""
    if key is not None and (not _KEY.fullmatch(key) or key.startswith("evoke:")):
        raise InvalidInput(
            "Idempotency-Key", "must be 1 to 255 printable ASCII characters, not starting with evoke:"
        )
    return key


def check_metadata(metadata: dict[str, Any]) -> None:
    """Raises InvalidInput for metadata beyond its bounds."""
    if not metadata:
        return
    require_plain(metadata, "metadata")
    if len(msgspec.json.encode(metadata)) > _METADATA_BYTES:
        raise InvalidInput("metadata", f"may have at most {_METADATA_BYTES} bytes as JSON")
    grouping = metadata.get("grouping")
    if grouping is not None and (not isinstance(grouping, str) or len(grouping) > _GROUPING_CHARACTERS):
        raise InvalidInput(
            "metadata.grouping", f"must be a text of at most {_GROUPING_CHARACTERS} characters"
        )


def body_digest(body: object) -> str:
    """sha256 (hex) of a body in canonical form: the order of names and white space do not matter."""
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()


class Submissions:
    """Accepts jobs. A keyed submit is accepted once, whoever else submits it at the same time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._under_way: Counter[str] = Counter()
        self._claiming: dict[tuple[str, str], asyncio.Future[None]] = {}

    async def submit(self, wanted: Wanted) -> Accepted:
        """Accept a job durably. Raises QueueFull, Unavailable, StorageFull, IdempotencyMismatch, InvalidInput."""
        check_metadata(wanted.metadata)
        if not -_PRIORITY <= wanted.priority <= _PRIORITY:
            raise InvalidInput("priority", f"must lie in -{_PRIORITY}..{_PRIORITY}")
        if wanted.key is not None:
            return await self._submit_keyed(wanted, wanted.key)
        fresh, _position = await self._append(wanted)
        return Accepted(fresh.job.id, False, fresh)

    async def _append(self, wanted: Wanted) -> tuple[Fresh, Position]:
        context = self._context
        self._require_room(wanted.model.queue)
        event = self._event(wanted)
        payload = encode(event)
        topic = requested(event.queue, event.lane, self._part_of(event.job_id))
        record = Record(
            topic, event.job_id, payload, properties(event, SOURCE, event.job_id, event.traceparent)
        )
        context.failpoints.reach("api.before_append")
        self._under_way[event.queue] += 1
        begin = time.perf_counter()
        try:
            position = await context.log.append(record)
        finally:
            self._under_way[event.queue] -= 1
        context.failpoints.reach("api.after_append")
        duration_s = time.perf_counter() - begin
        context.metrics.submitted(event.queue, event.lane.value, duration_s)
        context.traces.sent(event, record, wanted.traceparent, wanted.link, duration_s)
        return Fresh(evolve(None, event), context.view.add_own(event, position, payload)), position

    def _event(self, wanted: Wanted) -> Requested:
        now_ms = self._context.clock_ms()
        return Requested(
            job_id=self._job_id(wanted, now_ms),
            tenant=wanted.tenant,
            queue=wanted.model.queue,
            model=wanted.model.id,
            time_ms=now_ms,
            input=wanted.input,
            metadata=wanted.metadata,
            lane=self._lane(wanted),
            priority=wanted.priority,
            idempotency_key=wanted.key,
            body_digest=wanted.digest,
            deadline_s=wanted.model.limits.deadline_s,
            replay_of=wanted.replay_of,
            door=wanted.door,
            files=wanted.files,
            traceparent=self._context.traces.sending(wanted.traceparent),
        )

    def _part_of(self, key: str) -> int:
        return part_of(key, self._context.view.parts)

    def _job_id(self, wanted: Wanted, now_ms: int) -> str:
        """A new id; with a key, of the key's part: the order of one topic decides who claimed the key first."""
        part = None if wanted.key is None else self._part_of(f"{wanted.tenant} {wanted.key}")
        while True:
            job_id = uuid7(now_ms, self._context.randomness(RANDOM_BYTES))
            if part is None or self._part_of(job_id) == part:
                return job_id

    def _lane(self, wanted: Wanted) -> Lane:
        """Interactive while the tenant has less than its share in flight; bulk for the rest and for low priority."""
        in_flight = self._context.view.queues[wanted.model.queue].unfinished[wanted.tenant]
        fair = wanted.priority >= 0 and in_flight < self._context.settings.interactive_share
        return Lane.INTERACTIVE if fair else Lane.BULK

    def _require_room(self, queue: str) -> None:
        bound = self._context.settings.max_queued
        if self._context.view.queues[queue].depth + self._under_way[queue] >= bound:
            raise QueueFull(queue, bound, _RETRY_AFTER_S)

    async def _submit_keyed(self, wanted: Wanted, key: str) -> Accepted:
        """Submits with one key take turns in this process; between processes the order of the log decides."""
        place = (wanted.tenant, key)
        while place in self._claiming:
            await self._turn(self._claiming[place])
        known = self._known(wanted, key)
        if known is not None:
            return known
        claim: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._claiming[place] = claim
        try:
            return await self._claim(wanted, key)
        finally:
            del self._claiming[place]
            claim.set_result(None)

    async def _turn(self, claim: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(self._context.settings.position_wait_s):
                await asyncio.shield(claim)
        except TimeoutError:
            raise Unavailable("another submit with this key is still under way") from None

    def _known(self, wanted: Wanted, key: str) -> Accepted | None:
        holder = self._context.view.keys.holder(wanted.tenant, key)
        if holder is None:
            return None
        if holder.body_digest != wanted.digest:
            raise IdempotencyMismatch("this Idempotency-Key was used before with another body")
        return Accepted(holder.job_id, repeated=True)

    async def _claim(self, wanted: Wanted, key: str) -> Accepted:
        fresh, position = await self._append(wanted)
        job = fresh.hot
        topic = requested(job.queue, job.lane, self._part_of(job.id))
        await self._context.view.arrivals.wait(topic, position, self._context.settings.position_wait_s)
        holder = self._context.view.keys.holder(wanted.tenant, key)
        if holder is None or holder.job_id == job.id:
            return Accepted(job.id, repeated=False)
        await self.cancel(
            job, Cancelled(**self._names(job), reason="superseded", superseded_by=holder.job_id)
        )
        if holder.body_digest != wanted.digest:
            raise IdempotencyMismatch("this Idempotency-Key was used before with another body")
        return Accepted(holder.job_id, repeated=True)

    async def cancel(self, job: HotJob, event: Cancelled | None = None) -> None:
        """Append a job's cancellation and wait until it is folded; an end that came before it stays the job's end.

        Raises Unavailable, StorageFull.
        """
        context = self._context
        event = event or Cancelled(**self._names(job))
        topic = completed(job.queue, self._part_of(job.id))
        said = properties(event, SOURCE, uuid7(event.time_ms, context.randomness(RANDOM_BYTES)), None)
        position = await context.log.append(Record(topic, job.id, encode(event), said))
        await context.view.arrivals.wait(topic, position, context.settings.position_wait_s)

    def _names(self, job: HotJob) -> dict[str, Any]:
        return {
            "job_id": job.id,
            "tenant": job.tenant,
            "queue": job.queue,
            "model": job.model,
            "time_ms": self._context.clock_ms(),
        }
