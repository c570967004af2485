"""A workplace per test."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.sidecar.workplace import SidecarWorkplace


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[SidecarWorkplace]:
    """Adapters open, nothing started."""
    with tempfile.TemporaryDirectory(prefix="evoke-") as sockets:
        place = SidecarWorkplace(tmp_path, Path(sockets))
        await place.open()
        yield place
        await place.close()


@pytest.fixture
async def working(place: SidecarWorkplace) -> SidecarWorkplace:
    """A sidecar and its container run."""
    place.container.start()
    place.sidecar.start()
    return place
