"""SIGKILL of the broker at random moments under load, and its restart: nothing acknowledged is lost or done twice."""

from __future__ import annotations

import os
import random
import time

import pytest

from evoke.codec import decode
from evoke.domain.events import AttemptStarted
from evoke.domain.topics import attempts, completed
from tests.faults.distributed.world import DistributedWorld
from tests.system.load import read_log, submit_for, wait_for_all
from tests.system.promises import LogCopy, check_jobs, check_prefix, folded

pytestmark = pytest.mark.distributed

ROUNDS = int(os.environ.get("EVOKE_FAULT_ROUNDS", "2"))
"""How often each fault is made; `make test-faults` makes 20."""


def check_counts(world: DistributedWorld, copy: LogCopy) -> None:
    """The API counts what the log counts, for every job that the client was promised."""
    jobs = folded(copy)
    for job_id in world.client.acknowledged:
        seen = world.client.job(job_id)
        assert seen is not None
        assert seen["attempts"] == jobs[job_id].counted_attempts, job_id


@pytest.mark.timeout(3600)
async def test_no_acknowledged_job_is_lost_when_the_broker_is_killed(world: DistributedWorld) -> None:
    chance = random.Random("broker")  # not for secrets
    for _ in range(ROUNDS):
        load = submit_for(world, 4.0)
        time.sleep(chance.uniform(0.1, 3.0))
        before = await read_log(world)
        world.kill_broker()
        time.sleep(chance.uniform(0, 1.0))
        world.restart("pulsar")
        load.join()
        world.wait_until_ready()
        check_prefix(before, await read_log(world))
    wait_for_all(world)
    assert world.client.acknowledged
    copy = await read_log(world)
    check_jobs(world.client, copy)
    check_counts(world, copy)


@pytest.mark.timeout(900)
async def test_a_long_job_is_not_blamed_for_restarts_of_the_broker(world: DistributedWorld) -> None:
    """More restarts than a job may have attempts: what a restart repeats does not count."""
    job_id = world.client.submit_until_accepted("scripted", {"behaviour": "work", "seconds": 58})
    world.wait_for_start(job_id)
    for _ in range(4):
        world.kill_broker()
        world.restart("pulsar")
        world.client.submit_until_accepted("scripted", {"behaviour": "echo", "text": "between"}, 90)
    job = world.client.wait(job_id, deadline_s=180)
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
    wait_for_all(world)
    check_jobs(world.client, await read_log(world))


@pytest.mark.timeout(600)
async def test_a_submit_while_the_broker_is_away_gets_503_and_is_told_when_to_try_again(
    world: DistributedWorld,
) -> None:
    world.kill_broker()
    body = {"model": "scripted", "input": {"behaviour": "echo", "text": "away"}}
    answer = world.client.post("/v1/jobs", body)
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["code"] == "unavailable"
    world.restart("pulsar")
    job_id = world.client.submit_until_accepted("scripted", {"behaviour": "echo", "text": "back"}, 90)
    assert world.client.wait(job_id)["status"] == "succeeded"


@pytest.mark.timeout(600)
async def test_the_worker_and_the_broker_may_die_together(world: DistributedWorld) -> None:
    job_id = world.client.submit_until_accepted("scripted", {"behaviour": "work", "seconds": 2})
    world.wait_for_start(job_id)
    world.sidecar.kill()
    world.kill_broker()
    world.restart("pulsar")
    world.sidecar.start()
    job = world.wait_supervised(job_id, deadline_s=120)
    assert (job["status"], job["attempts"]) == ("succeeded", 2)
    copy = await read_log(world)
    check_jobs(world.client, copy)
    check_counts(world, copy)
    starts = [
        entry for entry in copy[attempts(world.queue)] if isinstance(decode(entry.payload), AttemptStarted)
    ]
    assert len(starts) == 2
    assert len(copy[completed(world.queue)]) == 1
