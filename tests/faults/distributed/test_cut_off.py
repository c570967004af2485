"""A worker whose network to the broker goes half-open in the midst of a job."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from evoke.codec import decode
from evoke.domain.events import Succeeded
from evoke.domain.topics import completed
from tests.faults.distributed.world import NEEDED, DistributedWorld
from tests.stack.pulsar.broker import Broker
from tests.stack.pulsar.proxy import Proxy
from tests.stack.servers import PrivateStack
from tests.system.load import read_log
from tests.system.promises import check_jobs

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(600)]

KEEP_ALIVE_S = 2


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path, {"keepAliveIntervalSeconds": KEEP_ALIVE_S})
    broker.proxy()
    broker.start()
    yield broker
    broker.end()


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    proxy = Proxy(broker.ports["pulsar"], broker.proxy_port)
    yield proxy
    proxy.end()


@pytest.fixture
def world(
    tmp_path: Path, servers: PrivateStack, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DistributedWorld]:
    """Its own sidecar reaches the broker through the proxy alone."""
    servers.start(*(name for name in NEEDED if name != "pulsar"))
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    own = f"evoke_{secrets.token_hex(4)}"
    namespaces = {"pulsar_namespace": own, "catalog_namespace": own}
    world = DistributedWorld(tmp_path, servers, {**broker.settings, **namespaces})
    far = {f"EVOKE_{name.upper()}": str(value) for name, value in broker.settings_through_the_proxy.items()}
    world.sidecar = world.process("sidecar", "worker_sidecar", **far, EVOKE_WORKER="far")
    try:
        world.start()
        yield world
    finally:
        world.close()


async def test_its_job_moves_on_its_late_result_changes_nothing_and_it_comes_back(
    world: DistributedWorld, proxy: Proxy
) -> None:
    value = {"behaviour": "work", "seconds": 12, "size_bytes": 50_000, "text": "once"}
    job_id = world.client.submit_until_accepted("scripted", value)
    world.wait_for_start(job_id)
    model, near = world.sidecar_beside("near")
    model.start()
    near.start()
    try:
        proxy.cut()
        job = world.client.wait(job_id, deadline_s=120)
        assert (job["status"], job["attempts"]) == ("succeeded", 2)
        before = world.client.get(f"/v1/jobs/{job_id}/artifacts").json()
        proxy.mend()
        near.stop()
        model.stop()
        other = world.client.submit_until_accepted("scripted", {"behaviour": "echo", "text": "back"})
        assert world.client.wait(other, deadline_s=120)["status"] == "succeeded"
        copy = await read_log(world)
        ends = [decode(entry.payload) for entry in copy[completed(world.queue)] if entry.key == job_id]
        assert ends, "the job has an end"
        assert isinstance(ends[0], Succeeded)
        assert world.client.get(f"/v1/jobs/{job_id}/artifacts").json() == before
        check_jobs(world.client, copy)
    finally:
        near.kill()
        model.kill()
