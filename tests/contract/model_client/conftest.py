"""A real container process, and a client that is connected to it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from evoke.bootstrap import connect_model
from evoke.ports.model_client import ModelClient
from tests.system.processes import ProcessUnderTest

CONTAINER = "tests.contract.model_client.scripted_container"


@pytest.fixture(scope="module", autouse=True)
async def one_event_loop() -> AsyncIterator[None]:
    """Keeps one event loop for all tests: gRPC delivers the end of a cancelled call late, to the loop that made it."""
    yield
    await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def socket_folder() -> Iterator[Path]:
    """A folder whose path is short enough for Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="evoke-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def address(socket_folder: Path) -> str:
    return f"unix:{socket_folder}/model.sock"


@pytest.fixture(scope="module")
def one_container(address: str, socket_folder: Path) -> Iterator[ProcessUnderTest]:
    """A scripted container that outlives single tests; some of them kill it."""
    log = socket_folder / "container.log"
    process = ProcessUnderTest("container", CONTAINER, ("--address", address, "--broken"), {}, log)
    yield process
    process.kill()


@pytest.fixture
def container(one_container: ProcessUnderTest) -> ProcessUnderTest:
    """The container, running or starting up."""
    if not one_container.alive:
        one_container.start()
    return one_container


@pytest.fixture
async def client(address: str) -> AsyncIterator[ModelClient]:
    connected = await connect_model(address)
    yield connected
    await connected.close()
