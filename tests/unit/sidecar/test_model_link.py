"""Whether the container is there, seen through a real client and a real container."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from evoke.bootstrap import connect_model
from tests.system.processes import ProcessUnderTest
from worker_sidecar.metrics import SidecarMetrics
from worker_sidecar.model_link import ModelLink

DEADLINE_S = 60.0
SERVED = ("scripted", "scripted-async")


class Connected:
    """A link, its container and its metrics."""

    def __init__(self, link: ModelLink, container: ProcessUnderTest, registry: CollectorRegistry) -> None:
        self.link = link
        self.container = container
        self._registry = registry

    @property
    def up_metric(self) -> float | None:
        return self._registry.get_sample_value("evoke_model_up")


@pytest.fixture(scope="module", autouse=True)
async def one_event_loop() -> AsyncIterator[None]:
    """Keeps one event loop for all tests: gRPC delivers the end of a cancelled call late, to the loop that made it."""
    yield
    await asyncio.sleep(0.1)


@pytest.fixture
async def connected() -> AsyncIterator[Connected]:
    with tempfile.TemporaryDirectory(prefix="evoke-") as folder:
        address = f"unix:{folder}/model.sock"
        arguments = ("--address", address, "--concurrency", "3")
        module = "tests.contract.model_client.scripted_container"
        container = ProcessUnderTest("container", module, arguments, {}, Path(folder) / "container.log")
        client = await connect_model(address)
        registry = CollectorRegistry()
        yield Connected(ModelLink(client, SERVED, 0.1, SidecarMetrics(registry)), container, registry)
        await client.close()
        container.kill()


async def test_it_is_up_from_the_first_answer_until_the_container_dies_and_again_when_it_is_back(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    link = connected.link
    connecting = asyncio.create_task(link.connect())
    async with asyncio.timeout(DEADLINE_S):
        while "the model container is away" not in caplog.text:
            await asyncio.sleep(0.05)
    assert not connecting.done()
    assert not link.up
    connected.container.start()
    async with asyncio.timeout(DEADLINE_S):
        await connecting
    assert link.up
    assert (link.served, link.max_concurrency, connected.up_metric) == (frozenset(SERVED), 3, 1.0)
    lost = asyncio.create_task(link.lost())
    await asyncio.sleep(0.1)
    assert not lost.done()
    connected.container.kill()
    async with asyncio.timeout(DEADLINE_S):
        await lost
    assert (link.up, connected.up_metric) == (False, 0.0)
    connected.container.start()
    async with asyncio.timeout(DEADLINE_S):
        await link.connect()
    assert link.up


async def test_a_suspicion_counts_until_the_container_has_answered(connected: Connected) -> None:
    connected.container.start()
    link = connected.link
    async with asyncio.timeout(DEADLINE_S):
        await link.connect()
        link.suspect()
        assert not link.up
        await link.lost()
        await link.connect()
    assert link.up


async def test_models_that_are_missing_or_unknown_are_named_once(
    connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    connected.container.start()
    link = ModelLink(
        connected.link._client,  # the same connection, other expectations
        ("scripted", "vanished"),
        1.0,
        SidecarMetrics(CollectorRegistry()),
    )
    async with asyncio.timeout(DEADLINE_S):
        await link.connect()
        await link.connect()
    (record,) = [record for record in caplog.records if "not those" in record.message]
    assert (vars(record)["missing"], vars(record)["unknown"]) == (["vanished"], ["scripted-async"])
