"""The engines that every contract is tested on, and a second process to be there, hang or die."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from evoke.settings import Settings, load_settings
from tests.contract.second_process import SecondProcess

LEASE_S = 0.8
"""Short enough that a test can wait for it to run out."""


@pytest.fixture(params=["embedded"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an engine with no data of others."""
    return load_settings({"engine": request.param, "data_dir": tmp_path / "data", "lease_s": LEASE_S})


@pytest.fixture
def queue() -> str:
    """The name of a queue that no other test uses: servers outlive tests."""
    return f"queue_{secrets.token_hex(6)}"


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
