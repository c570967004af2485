"""A broker of the tests' own, and a queue of each test's own on it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from evoke.bootstrap import open_event_log, open_request_queue, prepare_engine
from evoke.ports.event_log import EventLog
from evoke.ports.request_queue import RequestQueue
from evoke.settings import Settings, load_settings
from tests.stack.servers import PrivateStack


@pytest.fixture
def settings(servers: PrivateStack) -> Settings:
    servers.start("pulsar")
    return load_settings({"engine": "distributed", **servers.broker_settings()})


@pytest.fixture
def queue(settings: Settings) -> str:
    name = f"queue_{secrets.token_hex(6)}"
    for _ in prepare_engine(settings, [name]):
        pass
    return name


@pytest.fixture
async def log(settings: Settings, queue: str) -> AsyncIterator[EventLog]:
    opened = await open_event_log(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def requests(settings: Settings, queue: str) -> AsyncIterator[RequestQueue]:
    opened = await open_request_queue(settings)
    yield opened
    await opened.close()
