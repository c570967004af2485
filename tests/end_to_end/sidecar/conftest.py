"""A workplace per test, or one that works for a whole module."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.end_to_end.sidecar.workplace import SidecarWorkplace
from tests.stack.engines import Engine


@pytest.fixture
async def place(tmp_path: Path, engine: Engine) -> AsyncIterator[SidecarWorkplace]:
    """Adapters open, nothing started."""
    async with _opened(tmp_path, engine) as place:
        yield place


@pytest.fixture(scope="module")
async def working(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine
) -> AsyncIterator[SidecarWorkplace]:
    """A sidecar and its container, which run for all tests of a module."""
    async with _opened(tmp_path_factory.mktemp("working"), engine) as place:
        place.container.start()
        place.sidecar.start()
        yield place


@asynccontextmanager
async def _opened(folder: Path, engine: Engine) -> AsyncIterator[SidecarWorkplace]:
    with tempfile.TemporaryDirectory(prefix="evoke-") as sockets:
        place = SidecarWorkplace(folder, Path(sockets), engine)
        await place.open()
        try:
            yield place
        finally:
            await place.close()
