"""One event loop for each module's tests of gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

SETTLE_S = 0.3


@pytest.fixture(scope="module", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keep the loop between tests: gRPC tells it of the ends of calls late, and a closed one fails the next test."""
    yield
    await asyncio.sleep(SETTLE_S)
