"""The events of the log. They are frozen; what was written once is readable for ever.

Rules for changes: a field may be added with a default; a field may never change its meaning, its type
or vanish. What cannot be said so is a new struct with the next version in its tag, and the codec lifts
the old one up to it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from evoke.domain.errors import ErrorClass
from evoke.domain.topics import Lane


class Artifact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One output of a job.

    name: file name, unique within the job. size_bytes and sha256 (hex) are those of the stored bytes.
    key: where it lies in the blob store. details: what the model says of it, e.g. width and height in pixels.
    """

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    key: str
    details: dict[str, Any] = {}


class InputFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that came with a request.

    name: what the model calls it. size_bytes and sha256 (hex) are those of the stored bytes. key: where it lies in
    the blob store.
    """

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    key: str


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all events carry. `time_ms` is Unix time in milliseconds, for people; order is log position."""

    job_id: str
    tenant: str
    queue: str
    model: str
    time_ms: int


class Requested(Event, frozen=True, kw_only=True, omit_defaults=True, tag="requested.v1"):
    """A job was accepted.

    input: the model's input, checked against its JSON Schema, defaults filled in.
    body_digest: sha256 (hex) of the submitted body, to compare repeats of an idempotency key.
    deadline_s: how long one attempt may run. replay_of: the dead-lettered job that this one repeats.
    door: the API through which it came ("jobs", "images", ...), so that the same manners answer.
    files: what was uploaded with it; each is stored before the event is.
    """

    input: dict[str, Any]
    metadata: dict[str, Any] = {}
    lane: Lane = Lane.INTERACTIVE
    priority: int = 0
    idempotency_key: str | None = None
    body_digest: str | None = None
    deadline_s: float = 600.0
    replay_of: str | None = None
    door: str = "jobs"
    traceparent: str | None = None
    files: tuple[InputFile, ...] = ()


class AttemptStarted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="attempt_started.v1"):
    """A worker is about to run the job. The attempt's number is its rank among the job's starts."""

    attempt_id: str
    worker: str


class AttemptFailed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="attempt_failed.v1"):
    """An attempt ended in an error. retry_at_ms: Unix ms of the next one, None when there is none."""

    attempt_id: str
    error: ErrorClass
    message: str
    retry_at_ms: int | None = None


class AttemptYielded(Event, frozen=True, kw_only=True, omit_defaults=True, tag="attempt_yielded.v1"):
    """An attempt was given up without blame: a drain, or a newer attempt owns the job. It does not count."""

    attempt_id: str
    reason: str


class Succeeded(Event, frozen=True, kw_only=True, omit_defaults=True, tag="succeeded.v1"):
    """Terminal: the outputs are stored. seed: the one that was used, when the model draws at random.

    timings_ms: named durations in milliseconds (model, store, ...). result: small JSON that the model returned.
    """

    attempt_id: str
    artifacts: tuple[Artifact, ...] = ()
    seed: int | None = None
    timings_ms: dict[str, float] = {}
    result: dict[str, Any] = {}


class Failed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="failed.v1"):
    """Terminal: the job will not be tried again."""

    error: ErrorClass
    message: str
    attempt_id: str | None = None


class Cancelled(Event, frozen=True, kw_only=True, omit_defaults=True, tag="cancelled.v1"):
    """Terminal: somebody cancelled the job. superseded_by: the job that won the same idempotency key."""

    reason: str = "requested"
    superseded_by: str | None = None


class DeadLettered(Event, frozen=True, kw_only=True, omit_defaults=True, tag="dead_lettered.v1"):
    """The request was put aside for people to look at. request: its raw bytes, whatever they hold.

    job_id is empty, and so may be tenant and model, when the bytes could not be decoded; letter_id always names it.
    """

    letter_id: str
    request: bytes
    error: ErrorClass
    message: str
    attempts: int
    origin: str


class Replayed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="replayed.v1"):
    """A dead letter was submitted again, as the new job `new_job_id`."""

    letter_id: str
    new_job_id: str


class Purged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="purged.v1"):
    """A dead letter was thrown away by a person."""

    letter_id: str


Terminal = Succeeded | Failed | Cancelled
AttemptEvent = AttemptStarted | AttemptFailed | AttemptYielded
DeadLetterEvent = DeadLettered | Replayed | Purged
AnyEvent = Requested | AttemptEvent | Terminal | DeadLetterEvent
