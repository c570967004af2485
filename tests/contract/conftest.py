"""The engines that every contract is tested on, and a second process to be there, hang or die."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from evoke.bootstrap import prepare_engine
from evoke.settings import Settings, load_settings
from tests.contract.second_process import SecondProcess
from tests.stack.servers import PrivateStack

LEASE_S = 0.8
"""Short enough that a test can wait for it to run out."""

BOTH_ENGINES = pytest.mark.parametrize("settings", ["embedded", "distributed"], indirect=True)


def pulsar_of(servers: PrivateStack) -> dict[str, object]:
    """Settings that lead to the tests' own Pulsar, which is started when it is not up."""
    ports = servers.start("pulsar")
    return {
        "pulsar_url": f"pulsar://127.0.0.1:{ports['pulsar']}",
        "pulsar_admin_url": f"http://127.0.0.1:{ports['pulsar-admin']}",
    }


@pytest.fixture(params=["embedded"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an engine; a module's `pytestmark` says when it is tested on more than one."""
    chosen = {"engine": request.param, "data_dir": tmp_path / "data", "lease_s": LEASE_S}
    if request.param == "distributed":
        (tmp_path / "data").mkdir()
        chosen |= pulsar_of(request.getfixturevalue("servers"))
    settings = load_settings(chosen)
    prepare(settings)
    return settings


def prepare(settings: Settings, *queues: str) -> None:
    """Make what the engine needs for these queues."""
    for _ in prepare_engine(settings, queues):
        pass


@pytest.fixture
def queue(settings: Settings) -> str:
    """The name of a queue that no other test uses: servers outlive tests."""
    name = f"queue_{secrets.token_hex(6)}"
    prepare(settings, name, f"{name}_other")
    return name


@pytest.fixture
async def start_process(settings: Settings) -> AsyncIterator[Callable[..., SecondProcess]]:
    """Starts roles of `second_process.py` in processes of their own, which end with the test."""
    started: list[SecondProcess] = []

    def start(role: str, *arguments: str) -> SecondProcess:
        started.append(SecondProcess(settings, role, arguments))
        return started[-1]

    yield start
    for process in started:
        await process.end()
