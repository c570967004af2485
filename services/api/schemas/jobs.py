"""A job as users see it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from evoke.domain.events import Artifact, Cancelled, Failed, Succeeded
from evoke.domain.job import Job


class Submission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to generate. model: its id or alias. priority below 0 puts the job in the bulk lane."""

    model: str
    input: dict[str, Any]
    metadata: dict[str, Any] = {}
    priority: int = 0


class ArtifactDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One output. sha256: hex, of the bytes behind `url`. details: what the model says of it."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    url: str
    details: dict[str, Any]


class ErrorDocument(msgspec.Struct, frozen=True):
    """Why a job failed. `code` is stable."""

    code: str
    message: str


class Urls(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go on."""

    self: str
    events: str
    cancel: str
    artifacts: str


class JobDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A job. Times are RFC 3339 in UTC. position: give it as `min_position` to never read an older state.

    attempts: runs that count. seed: the one that was used. queue_position: 1 for the next of its lane.
    """

    id: str
    status: str
    model: str
    queue: str
    lane: str
    priority: int
    input: dict[str, Any]
    metadata: dict[str, Any]
    created_at: str | None
    started_at: str | None
    finished_at: str | None
    attempts: int
    seed: int | None
    result: dict[str, Any] | None
    timings_ms: dict[str, float]
    artifacts: list[ArtifactDocument]
    error: ErrorDocument | None
    replay_of: str | None
    superseded_by: str | None
    position: str | None
    queue_position: int | None
    urls: Urls


class JobPage(msgspec.Struct, frozen=True):
    """Jobs, newest first. next: the cursor of the next page, null on the last."""

    items: list[JobDocument]
    next: str | None


def timestamp(time_ms: int | None) -> str | None:
    """Unix milliseconds as RFC 3339 in UTC; None stays None."""
    if time_ms is None:
        return None
    return f"{_second(time_ms // 1000)}.{time_ms % 1000:03d}Z"


@lru_cache(maxsize=4096)
def _second(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def artifact_document(job_id: str, number: int, artifact: Artifact) -> ArtifactDocument:
    """An artifact as users see it; `number` counts from 0."""
    return ArtifactDocument(
        name=artifact.name,
        media_type=artifact.media_type,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        url=f"/v1/jobs/{job_id}/artifacts/{number}",
        details=artifact.details,
    )


def job_document(job: Job, position: str | None, queue_position: int | None) -> JobDocument:
    """A job as users see it. position: token of its newest event. queue_position: its place in line."""
    asked, end = job.requested, job.end
    succeeded = end if isinstance(end, Succeeded) else None
    owner = job.owner
    base = f"/v1/jobs/{job.id}"
    return JobDocument(
        id=job.id,
        status=job.status.value,
        model=job.model,
        queue=job.queue,
        lane=asked.lane.value if asked else "interactive",
        priority=asked.priority if asked else 0,
        input=asked.input if asked else {},
        metadata=asked.metadata if asked else {},
        created_at=timestamp(asked.time_ms if asked else None),
        started_at=timestamp(owner.started_ms if owner else None),
        finished_at=timestamp(end.time_ms if end else None),
        attempts=job.counted_attempts,
        seed=succeeded.seed if succeeded else None,
        result=succeeded.result if succeeded else None,
        timings_ms=succeeded.timings_ms if succeeded else {},
        artifacts=artifact_documents(job),
        error=ErrorDocument(end.error.value, end.message) if isinstance(end, Failed) else None,
        replay_of=asked.replay_of if asked else None,
        superseded_by=end.superseded_by if isinstance(end, Cancelled) else None,
        position=position,
        queue_position=queue_position,
        urls=Urls(self=base, events=f"{base}/events", cancel=f"{base}/cancel", artifacts=f"{base}/artifacts"),
    )


def artifact_documents(job: Job) -> list[ArtifactDocument]:
    """A job's outputs; there are none before it has succeeded."""
    if not isinstance(job.end, Succeeded):
        return []
    return [artifact_document(job.id, number, each) for number, each in enumerate(job.end.artifacts)]
