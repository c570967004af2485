"""One event loop per module."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture(scope="module", autouse=True)
async def one_event_loop() -> AsyncIterator[None]:
    """Keeps one event loop for all tests: gRPC delivers the end of a cancelled call late, to the loop that made it."""
    yield
    await asyncio.sleep(0.1)
