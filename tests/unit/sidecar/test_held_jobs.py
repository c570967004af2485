"""What a sidecar knows of its jobs, from a real log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from evoke.bootstrap import open_event_log
from evoke.codec import encode
from evoke.domain import topics
from evoke.domain.events import AnyEvent, AttemptStarted, AttemptYielded, Cancelled
from evoke.ports.event_log import EventLog, LogEntry, Position, Record
from evoke.settings import load_settings
from worker_sidecar.held_jobs import HeldJob, HeldJobs, Interruption
from worker_sidecar.journal import topic_of

QUEUE = "q"
DEADLINE_S = 30.0


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await open_event_log(load_settings({"data_dir": tmp_path / "data"}))
    yield opened
    await opened.close()


@pytest.fixture
async def held(log: EventLog) -> AsyncIterator[HeldJobs]:
    jobs = HeldJobs(log, QUEUE)
    await jobs.open()
    following = asyncio.create_task(jobs.follow())
    yield jobs
    following.cancel()
    await asyncio.wait({following})


def common(job_id: str) -> dict[str, Any]:
    return {"job_id": job_id, "tenant": "t", "queue": QUEUE, "model": "m", "time_ms": 1}


def started(job_id: str, attempt_id: str) -> AttemptStarted:
    return AttemptStarted(**common(job_id), attempt_id=attempt_id, worker="w")


async def append(log: EventLog, *events: AnyEvent) -> Position:
    position = Position("")
    for event in events:
        topic = topics.completed(QUEUE) if isinstance(event, Cancelled) else topic_of(event)
        position = await log.append(Record(topic, event.job_id, encode(event)))
    return position


async def interrupted(job: HeldJob) -> Interruption:
    happened = asyncio.Event()
    job.interruptible(happened.set)
    async with asyncio.timeout(DEADLINE_S):
        await happened.wait()
    assert job.interruption is not None
    return job.interruption


async def test_the_past_of_a_job_is_known_however_long_ago_it_was(log: EventLog, held: HeldJobs) -> None:
    await append(
        log,
        started("a", "1"),
        AttemptYielded(**common("a"), attempt_id="1", reason="drain"),
        started("a", "2"),
    )
    await append(log, started("b", "1"), Cancelled(**common("b")))
    a, b, c = await held.hold(["a", "b", "c"])
    assert a.job is not None
    assert (len(a.job.attempts), a.job.counted_attempts) == (2, 1)
    assert (a.ended, b.ended, c.ended, c.job) == (False, True, False, None)


async def test_once_the_tail_has_reached_a_start_its_rank_is_exact(log: EventLog, held: HeldJobs) -> None:
    await append(log, started("a", "before"))
    (job,) = await held.hold(["a"])
    await append(log, started("a", "other"))
    position = await append(log, started("a", "mine"))
    async with asyncio.timeout(DEADLINE_S):
        await held.reached(topics.attempts(QUEUE), position)
    assert job.job is not None
    assert job.job.attempt_number("mine") == 3
    assert job.job.counted_before("mine") == 2


async def test_many_waiters_are_woken_by_their_own_positions(log: EventLog, held: HeldJobs) -> None:
    positions = [await append(log, started(f"job-{number}", "1")) for number in range(50)]
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(
            *(held.reached(topics.attempts(QUEUE), position) for position in reversed(positions))
        )


async def test_a_terminal_event_of_somebody_else_interrupts(log: EventLog, held: HeldJobs) -> None:
    (job,) = await held.hold(["a"])
    job.attempt_id = "mine"
    await append(log, started("a", "mine"), Cancelled(**common("a")))
    assert await interrupted(job) is Interruption.ENDED


async def test_a_newer_start_interrupts_and_the_own_one_does_not(log: EventLog, held: HeldJobs) -> None:
    (job,) = await held.hold(["a"])
    job.attempt_id = "mine"
    position = await append(log, started("a", "older"), started("a", "mine"))
    async with asyncio.timeout(DEADLINE_S):
        await held.reached(topics.attempts(QUEUE), position)
    assert job.interruption is None
    await append(log, started("a", "newer"))
    assert await interrupted(job) is Interruption.NEWER


async def test_the_first_interruption_stays_and_is_told_to_whoever_asks_later() -> None:
    job = HeldJob("a")
    job.interrupt(Interruption.DRAIN)
    job.interrupt(Interruption.ENDED)
    assert await interrupted(job) is Interruption.DRAIN


async def test_what_the_tail_brings_during_the_look_up_is_folded_after_the_past() -> None:
    def entry(number: int, event: AnyEvent) -> LogEntry:
        return LogEntry(topics.attempts(QUEUE), Position(str(number)), "a", encode(event))

    first, second, third = (entry(number, started("a", str(number))) for number in (1, 2, 3))
    job = HeldJob("a")
    job.see(second)
    job.see(third)
    job.begin([first, second])
    assert job.job is not None
    assert [attempt.id for attempt in job.job.attempts] == ["1", "2", "3"]


async def test_an_unreadable_event_is_passed_over(log: EventLog, held: HeldJobs) -> None:
    await log.append(Record(topics.attempts(QUEUE), "a", b"\xff"))
    await append(log, started("a", "1"))
    (job,) = await held.hold(["a"])
    assert job.job is not None
    assert len(job.job.attempts) == 1


async def test_released_jobs_take_no_memory_and_miss_what_follows(log: EventLog, held: HeldJobs) -> None:
    (job,) = await held.hold(["a"])
    held.release(job)
    held.release(job)
    position = await append(log, started("a", "1"))
    async with asyncio.timeout(DEADLINE_S):
        await held.reached(topics.attempts(QUEUE), position)
    assert (len(held), job.job) == (0, None)
