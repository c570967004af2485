"""What all tests share: the event loop that services run on."""

from __future__ import annotations

import pytest

from tests.stack.servers import servers as servers  # noqa: PLC0414  # a fixture of all tests


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the services do."""
    return "asyncio"
