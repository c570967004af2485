"""Who may be in a container together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from evoke.domain.errors import ErrorClass
from evoke.domain.events import AnyEvent, AttemptFailed, AttemptStarted, AttemptYielded
from evoke.domain.job import Job, evolve
from worker_sidecar.room import Room, suspected

COMMON: dict[str, Any] = {"job_id": "j", "tenant": "t", "queue": "q", "model": "m", "time_ms": 1}
STARTED = AttemptStarted(**COMMON, attempt_id="a", worker="w")


def failed(error: ErrorClass) -> AttemptFailed:
    return AttemptFailed(**COMMON, attempt_id="a", error=error, message="", retry_at_ms=2)


def after(*events: AnyEvent) -> Job | None:
    job = None
    for event in events:
        job = evolve(job, event)
    return job


@pytest.mark.parametrize("past", [(STARTED,), (STARTED, failed(ErrorClass.MODEL_LOST))])
def test_a_job_is_suspected_whose_container_or_worker_was_lost(past: tuple[AnyEvent, ...]) -> None:
    assert suspected(after(*past))


@pytest.mark.parametrize(
    "past",
    [
        (),
        (STARTED, AttemptYielded(**COMMON, attempt_id="a", reason="drain")),
        (STARTED, failed(ErrorClass.OUT_OF_MEMORY)),
        (STARTED, failed(ErrorClass.STORAGE)),
    ],
)
def test_a_job_is_not_suspected_for_what_no_container_died_of(past: tuple[AnyEvent, ...]) -> None:
    assert not suspected(after(*past))


def test_jobs_come_in_together_until_one_wants_to_be_alone() -> None:
    room = Room()
    room.come_in("a", alone=False)
    room.come_in("b", alone=False)
    assert room.open
    room.come_in("c", alone=True)
    assert not room.open
    room.leave("a")
    assert not room.open
    room.leave("c")
    assert room.open


async def test_one_that_wants_to_be_alone_waits_until_all_others_have_left() -> None:
    room = Room()
    for job_id in ("a", "b"):
        room.come_in(job_id, alone=False)
    room.come_in("c", alone=True)
    waiting = asyncio.create_task(room.emptied("c"))
    room.leave("a")
    await asyncio.sleep(0)
    assert not waiting.done()
    room.leave("b")
    room.leave("b")
    await asyncio.wait_for(waiting, 5)


async def test_an_empty_room_is_entered_alone_at_once() -> None:
    room = Room()
    room.come_in("c", alone=True)
    await asyncio.wait_for(room.emptied("c"), 5)
