"""One job in memory: its events as they lie in the log, decoded only when somebody asks."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from enum import IntEnum
from sys import intern

import msgspec

from evoke.codec import decode
from evoke.domain.events import AnyEvent, AttemptFailed, AttemptStarted, AttemptYielded, Requested
from evoke.domain.job import Job, Status, evolve
from evoke.domain.topics import Lane
from evoke.ports.event_log import Position


class Stage(IntEnum):
    """Which of a job's topics an event came from, in the order in which a job lives."""

    REQUESTED = 0
    ATTEMPTS = 1
    COMPLETED = 2


class Seen(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event of a job as it lies in the log. position: None when it was restored from the archive."""

    stage: Stage
    position: Position | None
    payload: bytes

    @property
    def event(self) -> AnyEvent:
        """The event, decoded."""
        return decode(self.payload)


def stage_of(event: AnyEvent) -> Stage:
    """The stage of an event that belongs to a job's life."""
    if isinstance(event, Requested):
        return Stage.REQUESTED
    attempt = isinstance(event, (AttemptStarted, AttemptFailed, AttemptYielded))
    return Stage.ATTEMPTS if attempt else Stage.COMPLETED


_OVERHEAD_BYTES = 600
"""What a job costs beside its payloads: the object, its id, its places in the indexes."""

_SAMPLE = (
    b'{"type":"requested.v1","job_id":"","tenant":"default","queue":"txt2img_generation","model":"shapes-64",'
    b'"time_ms":1795246941489,"input":{"negative_prompt":"","seed":-1,"sampler_name":"euler_a","steps":20,'
    b'"cfg_scale":4.0,"width":64,"height":64,"batch_size":1,"n_iters":1,"format":"png","prompt":""},"metadata":'
    b'{"grouping":""},"lane":"bulk","priority":0,"idempotency_key":"","body_digest":"","deadline_s":300.0,'
    b'"door":"images","traceparent":"00--01"}{"type":"attempt_started.v1","attempt_id":"","worker":""}'
    b'{"type":"attempt_failed.v1","error":"model_error","message":"","retry_at_ms":1795246941489}'
    b'{"type":"succeeded.v1","artifacts":[{"name":"0.png","media_type":"image/png","size_bytes":5120,"sha256":"",'
    b'"key":"default/","details":{"width":64,"height":64}}],"seed":1,"timings_ms":{"model":1.0,"store":1.0},"result":{}}'
)
"""What events look like, so that a compressed one need not repeat it (zlib's preset dictionary)."""

_WINDOW_BITS = -13
_MEMORY_LEVEL = 6


class HotJob:
    """A job's events, and of its fold only what the indexes need.

    `requested` is None until the submission was seen: topics are read independently.
    """

    __slots__ = (
        "created_ms",
        "door",
        "finished_ms",
        "grouping",
        "id",
        "keyed",
        "lane",
        "later",
        "model",
        "packed",
        "queue",
        "requested",
        "status",
        "tenant",
    )

    def __init__(self, event: AnyEvent) -> None:
        self.id = event.job_id
        self.tenant = intern(event.tenant)
        self.queue = intern(event.queue)
        self.model = intern(event.model)
        self.status = Status.QUEUED
        self.lane = Lane.INTERACTIVE
        self.door = ""
        self.keyed = False
        self.grouping: str | None = None
        self.created_ms = event.time_ms
        self.finished_ms: int | None = None
        self.requested: Seen | None = None
        self.later: tuple[Seen, ...] = ()
        self.packed: bytes | None = None

    @property
    def visible(self) -> bool:
        """Whether the submission was seen; without it a job is nobody's."""
        return self.requested is not None or self.packed is not None

    @property
    def size_bytes(self) -> int:
        """About how much memory the job takes."""
        if self.packed is not None:
            return _OVERHEAD_BYTES + len(self.packed)
        return _OVERHEAD_BYTES + sum(len(seen.payload) + 150 for seen in self.seen())

    def seen(self) -> Iterator[Seen]:
        """Its events in the order of a job's life: submission, attempts, end."""
        if self.packed is not None:
            yield from _unpacked(self.packed)
            return
        if self.requested is not None:
            yield self.requested
        yield from self.later

    def pack(self) -> None:
        """Compress the events: a job that has ended is looked at less often, and there are many of them."""
        self.packed = _packed(list(self.seen()))
        self.requested = None
        self.later = ()

    def fold(self) -> Job:
        """The job as its events tell it."""
        job: Job | None = None
        for seen in self.seen():
            job = evolve(job, seen.event)
        return job or Job(id=self.id, tenant=self.tenant, queue=self.queue, model=self.model)

    def add(self, event: AnyEvent, position: Position | None, payload: bytes) -> bool:
        """Take an event in. Returns False when it changes nothing: seen before, or after the end."""
        if isinstance(event, Requested):
            return self._add_requested(event, position, payload)
        before = self.fold()
        after = evolve(before, event)
        if after is before:
            return False
        seen = Seen(stage_of(event), position, payload)
        if self.packed is not None:
            self.packed = _packed(sorted((*self.seen(), seen), key=_by_stage))
        else:
            self.later = tuple(sorted((*self.later, seen), key=_by_stage))
        self._note(after, event)
        return True

    def _add_requested(self, event: Requested, position: Position | None, payload: bytes) -> bool:
        if self.visible:
            return False
        self.requested = Seen(Stage.REQUESTED, position, payload)
        self.lane = event.lane
        self.model = intern(event.model)
        self.door = intern(event.door)
        self.keyed = event.idempotency_key is not None
        grouping = event.metadata.get("grouping")
        self.grouping = intern(grouping) if isinstance(grouping, str) else None
        self.created_ms = event.time_ms
        return True

    def _note(self, job: Job, event: AnyEvent) -> None:
        self.status = job.status
        if job.end is event:
            self.finished_ms = event.time_ms


def _by_stage(seen: Seen) -> int:
    return seen.stage


def _packed(events: list[Seen]) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, zdict=_SAMPLE)
    return packer.compress(msgspec.msgpack.encode(events)) + packer.flush()


def _unpacked(packed: bytes) -> list[Seen]:
    raw = zlib.decompressobj(_WINDOW_BITS, zdict=_SAMPLE).decompress(packed)
    return _seen_decoder.decode(raw)


_seen_decoder = msgspec.msgpack.Decoder(list[Seen])
