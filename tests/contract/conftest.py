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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a suite on the embedded engine, and on the distributed one where it names the servers for it (SERVERS)."""
    if "settings" in metafunc.fixturenames:
        distributed = [pytest.param("distributed", marks=pytest.mark.distributed)]
        engines = ["embedded", *(distributed if hasattr(metafunc.module, "SERVERS") else ())]
        metafunc.parametrize("settings", engines, indirect=True)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an engine; the distributed one's servers are shared with other tests."""
    chosen = {"engine": request.param, "data_dir": tmp_path / "data", "lease_s": LEASE_S}
    if request.param == "distributed":
        servers: PrivateStack = request.getfixturevalue("servers")
        servers.start(*request.module.SERVERS)
        for name, value in servers.credentials().items():
            monkeypatch.setenv(name, value)
        chosen |= servers.settings()
        (tmp_path / "data").mkdir()
        if "trino" in request.module.SERVERS:
            servers.forget_archive()
    settings = load_settings(chosen)
    if request.param == "embedded" or "pulsar" in request.module.SERVERS:
        prepare(settings)
    return settings


def prepare(settings: Settings, *queues: str) -> None:
    """Make what the engine needs for these queues."""
    for _ in prepare_engine(settings, queues):
        pass


@pytest.fixture
def queue(request: pytest.FixtureRequest, settings: Settings) -> str:
    """The name of a queue that no other test uses: servers outlive tests."""
    name = f"queue_{secrets.token_hex(6)}"
    if "pulsar" in getattr(request.module, "SERVERS", ()):
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
