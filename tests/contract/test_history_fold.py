"""The view `jobs` and the list of jobs are the fold `evolve`, whatever the events and whatever their order."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from evoke.bootstrap import open_archive, open_history
from evoke.codec import rfc3339
from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
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
from evoke.domain.job import Job, evolve
from evoke.domain.topics import Lane
from evoke.ports.history import JobFilter, QueryLimits
from evoke.settings import Settings
from tests.contract.archive_world import HOUR_MS, LONG_AGO_MS, Tale, World, new_id

TEXT = st.text(max_size=12).filter(lambda text: text.isprintable() and "\\" not in text)
ATTEMPTS = st.sampled_from(["a1", "a2", "a3"])
TIMES = st.integers(0, 5_000_000)
ERRORS = st.sampled_from(list(ErrorClass))
ARTIFACTS = st.lists(st.integers(0, 2**40), max_size=3).map(
    lambda sizes: tuple(
        Artifact(name=f"{n}.png", media_type="image/png", size_bytes=size, sha256="00", key=f"k{n}")
        for n, size in enumerate(sizes)
    )
)
JSON = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, max_size=3)
GROUPED = st.fixed_dictionaries({}, optional={"grouping": TEXT, "note": TEXT})


def kinds() -> st.SearchStrategy[tuple[type[AnyEvent], dict[str, Any]]]:
    """Any event of a job's life, as its type and its own fields."""
    own: dict[type[Any], dict[str, st.SearchStrategy[Any]]] = {
        Requested: {
            "input": JSON,
            "metadata": GROUPED,
            "lane": st.sampled_from(list(Lane)),
            "priority": st.integers(-5, 5),
            "door": st.sampled_from(["jobs", "images"]),
            "replay_of": st.none() | st.just("an older one"),
        },
        AttemptStarted: {"attempt_id": ATTEMPTS, "worker": TEXT},
        AttemptFailed: {"attempt_id": ATTEMPTS, "error": ERRORS, "message": TEXT},
        AttemptYielded: {"attempt_id": ATTEMPTS, "reason": TEXT},
        Succeeded: {
            "attempt_id": ATTEMPTS,
            "artifacts": ARTIFACTS,
            "seed": st.none() | st.integers(0, 2**63 - 1),
            "result": JSON,
        },
        Failed: {"error": ERRORS, "message": TEXT},
        Cancelled: {"superseded_by": st.none() | st.just("another one")},
        DeadLettered: {
            "letter_id": st.just("letter"),
            "request": st.binary(max_size=4),
            "error": ERRORS,
            "message": TEXT,
            "attempts": st.integers(0, 3),
            "origin": TEXT,
        },
    }
    return st.one_of(
        [
            st.tuples(st.just(kind), st.fixed_dictionaries({"time_ms": TIMES, **fields}))
            for kind, fields in own.items()
        ]
    )


HISTORIES = st.lists(
    st.tuples(st.integers(0, 2), st.lists(kinds(), min_size=1, max_size=9)), min_size=1, max_size=20
)


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


async def compare(
    configured: Settings, histories: list[tuple[int, list[tuple[type[Any], dict[str, Any]]]]]
) -> None:
    """Archive the histories as jobs of a new tenant, and hold view and list against the fold."""
    archive, history = await open_archive(configured), await open_history(configured)
    try:
        await archive.prepare()
        await archive.watermark()
        world = World(archive, f"queue_{secrets.token_hex(6)}")
        tales = []
        for hour, events in histories:
            time_ms = LONG_AGO_MS + hour * HOUR_MS
            tales.append(Tale(world, new_id(time_ms), time_ms))
            for kind, fields in events:
                tales[-1].add(kind(**{**tales[-1].about(), **fields, "time_ms": time_ms + fields["time_ms"]}))
            if hour == 1:
                await world.commit()
        await world.commit()
        jobs = [job for tale in tales if (job := folded(tale)).requested is not None]
        expected = sorted(jobs, key=lambda job: job.id, reverse=True)
        result = await history.query(world.tenant, "SELECT * FROM jobs ORDER BY id DESC", QueryLimits())
        names = [name for name, _ in result.columns]
        assert [dict(zip(names, row, strict=True)) for row in result.rows] == [
            row_of(job) for job in expected
        ]
        assert await history.jobs(world.tenant, JobFilter(), None, 100) == expected
        for status in {job.status for job in expected}:
            wanted = JobFilter(statuses=frozenset({status}))
            found = await history.jobs(world.tenant, wanted, None, 100)
            assert found == [job for job in expected if job.status is status]
        failed = await history.query(
            world.tenant, "SELECT job_id FROM failures ORDER BY 1 DESC", QueryLimits()
        )
        assert [row[0] for row in failed.rows] == [job.id for job in expected if isinstance(job.end, Failed)]
        unfinished = {
            events[0].job_id async for events in history.unfinished() if events[0].queue == world.queue
        }
        ended = {tale.id for tale in tales if folded(tale).end is not None}
        letters_only = {
            tale.id for tale in tales if all(isinstance(event, DeadLettered) for _, event in tale.told)
        }
        assert unfinished == {tale.id for tale in tales} - ended - letters_only
    finally:
        await archive.close()
        await history.close()


@pytest.mark.timeout(300)
def test_the_view_of_jobs_is_the_fold_of_their_events(settings: Settings) -> None:
    @examples(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(HISTORIES)
    def check(histories: list[tuple[int, list[tuple[type[Any], dict[str, Any]]]]]) -> None:
        asyncio.run(compare(settings, histories))

    check()
