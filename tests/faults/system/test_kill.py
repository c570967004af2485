"""SIGKILL of every process, at random moments, under load: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

import pytest

from tests.system.load import read_log, submit_for, wait_for_all
from tests.system.processes import ProcessUnderTest, eventually
from tests.system.promises import check_jobs, check_prefix
from tests.system.world import World

ROUNDS = int(os.environ.get("EVOKE_FAULT_ROUNDS", "2"))
"""How often each fault is made; `make test-faults` makes 20."""

VICTIMS: dict[str, Callable[[World], ProcessUnderTest]] = {
    "sidecar": lambda world: world.sidecar,
    "model container": lambda world: world.model,
    "API": lambda world: world.api,
    "archiver": lambda world: world.archiver,
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", VICTIMS)
async def test_no_acknowledged_job_is_lost_when_a_process_is_killed(world: World, victim: str) -> None:
    chance = random.Random(victim)  # not for secrets
    process = VICTIMS[victim](world)
    for _ in range(ROUNDS):
        load = submit_for(world, 2.0)
        time.sleep(chance.uniform(0.1, 1.9))
        before = await read_log(world)
        process.kill()
        time.sleep(chance.uniform(0, 0.3))
        process.start()
        load.join()
        world.wait_until_ready()
        check_prefix(before, await read_log(world))
    wait_for_all(world)
    assert world.client.acknowledged
    check_jobs(world.client, await read_log(world))


async def test_a_job_is_not_lost_when_the_api_dies_right_after_its_answer(world: World) -> None:
    for _ in range(ROUNDS):
        job_id = world.client.submit_until_accepted("scripted", {"behaviour": "echo", "text": "hello"})
        world.api.kill()
        world.api.start()
        world.wait_until_ready()
        assert world.client.wait(job_id)["status"] == "succeeded"
    check_jobs(world.client, await read_log(world))


@pytest.mark.timeout(300)
async def test_everything_killed_at_once_loses_nothing(world: World) -> None:
    for _ in range(ROUNDS):
        load = submit_for(world, 1.5)
        time.sleep(1.0)
        before = await read_log(world)
        for process in world.processes:
            process.kill()
        world.restart_what_died()
        load.join()
        world.wait_until_ready()
        check_prefix(before, await read_log(world))
    wait_for_all(world)
    check_jobs(world.client, await read_log(world))


@pytest.mark.parametrize(
    "failpoint",
    ["after_receive", "after_start", "mid_model", "after_put", "after_terminal", "before_ack"],
)
async def test_a_sidecar_that_dies_between_two_steps_loses_and_doubles_nothing(
    world: World, failpoint: str
) -> None:
    world.sidecar.stop()
    world.sidecar.start(EVOKE_FAILPOINTS=f"sidecar.{failpoint}=kill")
    job_id = world.client.submit_until_accepted(
        "scripted", {"behaviour": "work", "seconds": 0.3, "size_bytes": 5000}
    )
    assert world.sidecar.wait_for_exit() == -9
    world.sidecar.start()
    job = world.client.wait(job_id)
    assert job["status"] == "succeeded"
    check_jobs(world.client, await read_log(world))


@pytest.mark.parametrize("failpoint", ["before_append", "after_append"])
async def test_an_api_that_dies_around_the_append_accepts_once_or_not_at_all(
    world: World, failpoint: str
) -> None:
    world.api.stop()
    world.api.start(EVOKE_FAILPOINTS=f"api.{failpoint}=kill")
    world.wait_until_ready()
    value = {"behaviour": "echo", "text": failpoint}
    assert world.client.submit("scripted", value, **{"Idempotency-Key": failpoint}) is None
    assert world.api.wait_for_exit() == -9
    world.api.start()
    world.wait_until_ready()
    job_id = world.client.submit("scripted", value, **{"Idempotency-Key": failpoint})
    assert job_id is not None
    assert world.client.wait(job_id)["status"] == "succeeded"
    ended = world.client.get("/v1/jobs", status="succeeded").json()["items"]
    assert [job["id"] for job in ended] == [job_id]


@pytest.mark.timeout(300)
async def test_a_job_that_kills_its_worker_becomes_a_dead_letter_while_the_queue_goes_on(
    world: World,
) -> None:
    poison = world.client.submit_until_accepted("scripted", {"behaviour": "kill"})
    others = [
        world.client.submit_until_accepted("scripted", {"behaviour": "echo", "text": str(n)})
        for n in range(5)
    ]

    def ended() -> bool:
        world.restart_what_died()
        job = world.client.job(poison)
        return job is not None and job["status"] == "failed"

    eventually(ended, "the poison job failed", deadline_s=120)
    world.restart_what_died()
    assert [world.client.wait(job_id)["status"] for job_id in others] == ["succeeded"] * 5
    job = world.client.wait(poison)
    assert job["attempts"] == 3
    letters = world.client.get("/v1/dlq").json()["items"]
    assert [letter["job_id"] for letter in letters] == [poison]
    check_jobs(world.client, await read_log(world))
