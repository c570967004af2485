"""The view `jobs` and the list of jobs are the fold `evolve`, whatever the events and whatever their order."""

from __future__ import annotations

import secrets
from random import Random
from typing import Any

import pytest

from evoke.bootstrap import open_archive, open_history
from evoke.codec import rfc3339
from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    Artifact,
    AttemptFailed,
    AttemptStarted,
    AttemptYielded,
    Cancelled,
    DeadLettered,
    Failed,
    Requested,
    Succeeded,
)
from evoke.domain.ids import job_time_ms
from evoke.domain.job import Job, Status, evolve
from evoke.domain.topics import Lane
from evoke.ports.history import History, JobFilter, QueryLimits
from evoke.settings import Settings
from tests.contract.archive_world import HOUR_MS, LONG_AGO_MS, Tale, World, new_id

SERVERS = ("trino",)
LIMITS = QueryLimits(time_s=60.0)
TEXTS = (
    *(
        "",
        "plain",
        "it's",
        'say "hi"',
        "back\\slash",
        "two\nlines",
        "tab\t",
        "\x00nul",
        "\x7f",
        "größer als π",
        "🎨",
        "%s_{}",
    ),
    *("null", "{}", "[1, 2]", "$.metadata", "'; DROP VIEW jobs; --", "\u2028", "x" * 300),
)
ATTEMPTS = ("a1", "a2", "a3")
KINDS = {
    Requested: 2,
    AttemptStarted: 6,
    AttemptFailed: 3,
    AttemptYielded: 3,
    Succeeded: 1,
    Failed: 1,
    Cancelled: 1,
    DeadLettered: 1,
}
"""How often each event comes."""


def anything(chance: Random) -> Any:
    """A small JSON value."""
    return chance.choice(
        (None, True, 0, -7, 2**53, 0.25, chance.choice(TEXTS), [1, "two"], {"a": {"b": None}})
    )


def fields_of(kind: type[Any], chance: Random) -> dict[str, Any]:
    """The own fields of an event."""
    word, error = chance.choice(TEXTS), chance.choice(list(ErrorClass))
    artifacts = tuple(
        Artifact(
            name=f"{n}.png",
            media_type="image/png",
            size_bytes=chance.randrange(2**40),
            sha256="0",
            key=f"k{n}",
        )
        for n in range(chance.randrange(4))
    )
    small = {chance.choice(TEXTS): anything(chance) for _ in range(chance.randrange(3))}
    own: dict[type[Any], dict[str, Any]] = {
        Requested: {
            "input": small,
            "metadata": {"grouping": word} if chance.random() < 0.7 else small,
            "lane": chance.choice(list(Lane)),
            "priority": chance.randrange(-5, 5),
            "door": chance.choice(("jobs", "images")),
            "replay_of": chance.choice((None, "an older one")),
        },
        AttemptStarted: {"attempt_id": chance.choice(ATTEMPTS), "worker": word},
        AttemptFailed: {"attempt_id": chance.choice(ATTEMPTS), "error": error, "message": word},
        AttemptYielded: {"attempt_id": chance.choice(ATTEMPTS), "reason": word},
        Succeeded: {
            "attempt_id": chance.choice(ATTEMPTS),
            "artifacts": artifacts,
            "seed": chance.choice((None, 0, 7, 2**32 - 1, 2**63 - 1)),
            "result": small,
        },
        Failed: {"error": error, "message": word},
        Cancelled: {"superseded_by": chance.choice((None, "another one"))},
        DeadLettered: {
            "letter_id": "letter",
            "request": chance.randbytes(3),
            "error": error,
            "message": word,
            "attempts": 3,
            "origin": "w",
        },
    }
    return own[kind]


def tell(world: World, chance: Random) -> Tale:
    """A job of which anything happened, in any order, some of it twice."""
    time_ms = LONG_AGO_MS + chance.randrange(3) * HOUR_MS
    tale = Tale(world, new_id(time_ms), time_ms)
    kinds = chance.choices(list(KINDS), list(KINDS.values()), k=chance.randrange(1, 10))
    kinds += [Requested] * (chance.random() < 0.8)
    chance.shuffle(kinds)
    for kind in kinds:
        about = {**tale.about(chance.randrange(5_000_000)), **fields_of(kind, chance)}
        tale.add(kind(**about))
        if chance.random() < 0.1:
            tale.add(tale.events[-1][2])
    return tale


def folded(tale: Tale) -> Job:
    job: Job | None = None
    for _, event in tale.told:
        job = evolve(job, event)
    assert job is not None
    return job


def row_of(job: Job) -> dict[str, Any]:
    """The row of the view that a folded job must have."""
    assert job.requested is not None
    started = [attempt for attempt in job.attempts if attempt.started_ms is not None]
    created_ms = job_time_ms(job.id)
    done = job.end if isinstance(job.end, Succeeded) else None
    failed = job.end if isinstance(job.end, Failed) else None
    cancelled = job.end if isinstance(job.end, Cancelled) else None
    ended_ms = None if job.end is None else job.end.time_ms
    started_ms = None if job.owner is None else job.owner.started_ms
    first_ms = started[0].started_ms if started else None
    return {
        "id": job.id,
        "status": job.status.value,
        "model": job.model,
        "queue": job.queue,
        "created_at": rfc3339(created_ms),
        "started_at": None if started_ms is None else rfc3339(started_ms),
        "finished_at": None if ended_ms is None else rfc3339(ended_ms),
        "attempts": job.counted_attempts,
        "queue_ms": None if first_ms is None else first_ms - created_ms,
        "run_ms": None if started_ms is None or ended_ms is None else ended_ms - started_ms,
        "total_ms": None if ended_ms is None else ended_ms - created_ms,
        "error_code": None if failed is None else failed.error.value,
        "error_message": None if failed is None else failed.message,
        "seed": None if done is None else done.seed,
        "grouping": job.requested.metadata.get("grouping"),
        "lane": job.requested.lane.value,
        "priority": job.requested.priority,
        "door": job.requested.door,
        "metadata": job.requested.metadata,
        "input": job.requested.input,
        "result": None if done is None else done.result,
        "artifacts": None if done is None else len(done.artifacts),
        "artifact_bytes": None if done is None else sum(artifact.size_bytes for artifact in done.artifacts),
        "replay_of": job.requested.replay_of,
        "superseded_by": None if cancelled is None else cancelled.superseded_by,
    }


@pytest.mark.parametrize("seed", range(3))
async def test_the_view_and_the_list_of_jobs_are_the_fold_of_their_events(
    settings: Settings, seed: int
) -> None:
    chance = Random(seed)
    archive, history = await open_archive(settings), await open_history(settings)
    try:
        await archive.prepare()
        await archive.watermark()
        world = World(archive, f"queue_{secrets.token_hex(6)}")
        tales = []
        for _ in range(3):
            tales += [tell(world, chance) for _ in range(100)]
            await world.commit()
        await check(world, tales, history)
    finally:
        await archive.close()
        await history.close()


async def check(world: World, tales: list[Tale], history: History) -> None:
    """Hold the views and the list against the fold."""
    jobs = [job for tale in tales if (job := folded(tale)).requested is not None]
    expected = sorted(jobs, key=lambda job: job.id, reverse=True)
    assert {job.status for job in expected} == set(Status)
    result = await history.query(world.tenant, "SELECT * FROM jobs ORDER BY id DESC", LIMITS)
    names = [name for name, _ in result.columns]
    rows = [dict(zip(names, row, strict=True)) for row in result.rows]
    assert [row["id"] for row in rows] == [job.id for job in expected]
    for row, job in zip(rows, expected, strict=True):
        assert row == row_of(job)
    assert await history.jobs(world.tenant, JobFilter(), None, 1000) == expected
    for status in Status:
        found = await history.jobs(world.tenant, JobFilter(statuses=frozenset({status})), None, 1000)
        assert [job.id for job in found] == [job.id for job in expected if job.status is status]
    failed = await history.query(world.tenant, "SELECT job_id FROM failures ORDER BY 1 DESC", LIMITS)
    assert [row[0] for row in failed.rows] == [job.id for job in expected if isinstance(job.end, Failed)]
    unfinished = {events[0].job_id async for events in history.unfinished() if events[0].queue == world.queue}
    open_tales = {tale.id for tale in tales if folded(tale).end is None}
    letters_only = {
        tale.id for tale in tales if all(isinstance(event, DeadLettered) for _, event in tale.told)
    }
    assert unfinished == open_tales - letters_only
