"""The whole system on topics of several parts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evoke.domain import topics
from tests.faults.distributed.world import DistributedWorld, running
from tests.stack.servers import PrivateStack
from tests.system.load import read_log, submit_for, wait_for_all
from tests.system.promises import check_jobs, check_prefix

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(600)]

PARTS = 3


@pytest.fixture
def world(
    tmp_path: Path, servers: PrivateStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DistributedWorld]:
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    with running(tmp_path, servers, pulsar_partitions=PARTS) as world:
        yield world


async def test_jobs_of_all_parts_end_once_though_their_worker_dies(world: DistributedWorld) -> None:
    load = submit_for(world, 4.0)
    cancelled = world.client.submit_until_accepted("scripted", {"behaviour": "work", "seconds": 20})
    world.wait_for_start(cancelled)
    world.sidecar.kill()
    before = await read_log(world)
    world.sidecar.start()
    assert world.client.cancel(cancelled)["id"] == cancelled
    load.join()
    wait_for_all(world)
    copy = await read_log(world)
    check_prefix(before, copy)
    check_jobs(world.client, copy)
    for part in range(PARTS):
        assert copy[topics.completed(world.queue, part)], f"nothing came into part {part}"
    for topic, entries in copy.items():
        if topic.startswith(("attempts_", "completed_")):
            parts = {topics.in_part("", topics.part_of(entry.key, PARTS)) for entry in entries}
            assert all(topic.endswith(part) for part in parts), "a job's events lie in its own part"


async def test_equal_keys_make_one_job_whatever_part_it_is_in(world: DistributedWorld) -> None:
    def submitted(number: int) -> str | None:
        value = {"behaviour": "echo", "text": str(number % 5)}
        return world.client.submit("scripted", value, **{"Idempotency-Key": f"key-{number % 5}"})

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(submitted, range(50)))
    for key in range(5):
        assert len({answers[number] for number in range(50) if number % 5 == key}) == 1
    assert None not in answers
    wait_for_all(world)
    check_jobs(world.client, await read_log(world))
