"""A world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.api.world import World, running_api
from tests.stack.engines import Engine


@pytest.fixture
async def world(tmp_path: Path, engine: Engine) -> AsyncIterator[World]:
    async with running_api(engine, tmp_path) as found:
        yield found
