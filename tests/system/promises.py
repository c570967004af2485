"""The history checker: holds what users were told against the log and the blobs (I1 to I6 and I8)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from evoke.codec import decode
from evoke.domain.events import AnyEvent, Succeeded
from evoke.domain.job import Job, Status, evolve
from evoke.domain.topics import logged
from evoke.ports.event_log import EventLog, LogEntry
from tests.system.client import Client

LogCopy = Mapping[str, Sequence[LogEntry]]


async def copy_of_log(log: EventLog, queues: Sequence[str], parts: int = 1) -> LogCopy:
    """Every entry of every topic of the queues."""
    return {topic: await _whole(log, topic) for queue in queues for topic in logged(queue, parts)}


async def _whole(log: EventLog, topic: str) -> Sequence[LogEntry]:
    entries: list[LogEntry] = []
    while batch := await log.read(topic, entries[-1].position if entries else None, 1000):
        entries.extend(batch)
    return entries


def folded(copy: LogCopy) -> dict[str, Job]:
    """All jobs of a log, folded topic by topic."""
    jobs: dict[str, Job] = {}
    for entries in copy.values():
        for entry in entries:
            event = _decoded(entry)
            if event is not None and event.job_id:
                jobs[event.job_id] = evolve(jobs.get(event.job_id), event)
    return jobs


def _decoded(entry: LogEntry) -> AnyEvent | None:
    try:
        return decode(entry.payload)
    except Exception as error:  # the checker reports what it cannot read
        raise AssertionError(f"undecodable entry at {entry.topic} {entry.position}: {error}") from error


def check_prefix(before: LogCopy, after: LogCopy) -> None:
    """I4: what was in the log stays there, in place and to the byte."""
    for topic, entries in before.items():
        assert list(after[topic][: len(entries)]) == list(entries), f"{topic} changed its past"


def check_jobs(client: Client, copy: LogCopy, max_attempts: int = 3) -> None:
    """I1, I2, I3, I5, I6 for every job that the client was promised."""
    assert client.broken_promises == []
    jobs = folded(copy)
    for job_id in client.acknowledged:
        assert job_id in jobs, f"{job_id} was acknowledged and is not in the log"
        _check_job(client, jobs[job_id], max_attempts)


def _check_job(client: Client, job: Job, max_attempts: int) -> None:
    assert job.end is not None, f"{job.id} has no terminal event"
    assert job.counted_attempts <= max_attempts, f"{job.id} ran {job.counted_attempts} times"
    seen = client.job(job.id)
    assert seen is not None
    assert seen["status"] == job.status.value, (
        f"{job.id}: the API says {seen['status']}, the log {job.status}"
    )
    if job.status is Status.SUCCEEDED:
        assert isinstance(job.end, Succeeded)
        _check_artifacts(client, job.id, job.end, seen)


def _check_artifacts(client: Client, job_id: str, end: Succeeded, seen: Mapping[str, object]) -> None:
    listed = seen["artifacts"]
    assert isinstance(listed, list)
    assert [a["sha256"] for a in listed] == [a.sha256 for a in end.artifacts]
    for number, artifact in enumerate(end.artifacts):
        answer = client.get(f"/v1/jobs/{job_id}/artifacts/{number}")
        assert answer.status_code == 200, f"{job_id}: artifact {number} is not there"
        assert hashlib.sha256(answer.content).hexdigest() == artifact.sha256
        assert len(answer.content) == artifact.size_bytes
    assert msgspec.to_builtins(end)["job_id"] == job_id
