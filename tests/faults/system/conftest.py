"""A world per test, and its log read from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.world import World, running_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A whole system with a scripted model."""
    with running_world(tmp_path) as world:
        yield world
