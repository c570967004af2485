"""The servers beside the broker die one by one while jobs run: what needs them waits or says so, jobs go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.distributed.world import DistributedWorld, running
from tests.stack.servers import PrivateStack
from tests.system.load import read_log, submit_for, wait_for_all
from tests.system.processes import eventually
from tests.system.promises import check_jobs

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(600)]

SQL = {"sql": "select count(*) from jobs"}


@pytest.fixture
def world(
    tmp_path: Path, servers: PrivateStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DistributedWorld]:
    """Between two attempts is time for a server to come back."""
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    with running(tmp_path, servers, retry_base_s=20, retry_cap_s=60) as world:
        yield world


async def test_without_the_store_of_artifacts_jobs_wait_and_succeed_when_it_is_back(
    world: DistributedWorld,
) -> None:
    job_id = world.client.submit_until_accepted(
        "scripted", {"behaviour": "work", "seconds": 3, "size_bytes": 200_000}
    )
    world.wait_for_start(job_id)
    world.servers.kill("versitygw")
    plain = world.client.submit_until_accepted("scripted", {"behaviour": "fail", "error": "checkpoint"})
    assert world.client.wait(plain)["status"] == "failed"
    eventually(
        lambda: (world.client.job(job_id) or {}).get("status") == "queued",
        "the job waits for its next attempt",
    )
    world.restart("versitygw")
    job = world.client.wait(job_id, deadline_s=150)
    assert job["status"] == "succeeded"
    assert 2 <= job["attempts"] <= 3
    check_jobs(world.client, await read_log(world))


@pytest.mark.parametrize("server", ["nessie", "trino"])
async def test_without_catalog_or_trino_jobs_go_on_and_history_says_so(
    world: DistributedWorld, server: str
) -> None:
    load = submit_for(world, 3.0)
    world.servers.kill(server)
    load.join()
    wait_for_all(world)
    assert world.client.acknowledged
    answer = world.client.post("/v1/query", SQL)
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    check_jobs(world.client, await read_log(world))
    world.restart(server)
    eventually(lambda: _answers_sql(world), "history answers again")
    check_jobs(world.client, await read_log(world))


def _answers_sql(world: DistributedWorld) -> bool:
    try:
        return world.client.post("/v1/query", SQL).status_code == 200
    except httpx.TimeoutException:  # a server that has just started takes its time
        return False
