"""An API that starts knows every unfinished job, and has read no topic of the log from its beginning."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from evoke.adapters.pulsar.administration import Administration
from evoke.bootstrap import prepare_engine, pulsar_place
from evoke.domain.topics import logged
from tests.faults.distributed.world import NEEDED, DistributedWorld
from tests.stack.servers import PrivateStack
from tests.system.processes import eventually

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(400)]

CANCELLED, WAITING, LATER = 150, 30, 10


@pytest.fixture
def world(
    tmp_path: Path, servers: PrivateStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DistributedWorld]:
    """An API and an archiver, and nobody who works."""
    servers.start(*NEEDED)
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    own = f"evoke_{secrets.token_hex(6)}"
    world = DistributedWorld(tmp_path, servers, {"pulsar_namespace": own, "catalog_namespace": own})
    for _ in prepare_engine(world.settings, [world.queue]):
        pass
    try:
        world.api.start()
        world.archiver.start()
        world.wait_until_ready()
        yield world
    finally:
        world.close()


def submitted(world: DistributedWorld, count: int) -> list[str]:
    return [world.client.submit_until_accepted("scripted", {"behaviour": "echo"}) for _ in range(count)]


def archived(world: DistributedWorld) -> int:
    answer = world.client.post("/v1/query", {"sql": "SELECT count(*) FROM job_events"})
    return int(answer.json()["rows"][0][0]) if answer.status_code == 200 else -1


def counted_as_waiting(world: DistributedWorld) -> float:
    shown = world.client.get("/metrics").text
    return sum(float(count) for count in re.findall(r"^evoke_queue_waiting{.*} (.+)$", shown, re.MULTILINE))


def sent_to_readers(world: DistributedWorld) -> int:
    """How many messages the broker has sent to those who read the log now."""
    broker = Administration(pulsar_place(world.settings))
    sent = 0
    for topic in logged(world.queue):
        readers = broker.of_topic("GET", topic, "/stats")["subscriptions"]
        sent += sum(
            stats["msgOutCounter"] for name, stats in readers.items() if name not in ("archive", "workers")
        )
    return sent


def test_every_unfinished_job_is_known_and_only_what_is_not_archived_was_read(
    world: DistributedWorld,
) -> None:
    ended, waiting = submitted(world, CANCELLED), submitted(world, WAITING)
    for job_id in ended:
        world.client.cancel(job_id)
    eventually(lambda: archived(world) == 2 * CANCELLED + WAITING, "all of it is archived")
    world.archiver.stop()
    waiting += submitted(world, LATER)
    world.api.kill()
    eventually(lambda: sent_to_readers(world) == 0, "the killed API reads no more")

    world.api.start()
    world.wait_until_ready()
    listed = world.client.get("/v1/jobs", status="queued", limit=500).json()["items"]
    assert {job["id"] for job in listed} == set(waiting)
    assert counted_as_waiting(world) == len(waiting)
    for job_id in ended[:5]:
        assert world.client.get(f"/v1/jobs/{job_id}").json()["status"] == "cancelled"
    # Of each topic the newest archived message is sent once more, with those of its batch, and passed over.
    assert LATER <= sent_to_readers(world) <= LATER + 4 * len(logged(world.queue)) < CANCELLED
