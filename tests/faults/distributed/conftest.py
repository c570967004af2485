"""A world per test on the servers of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.distributed.world import DistributedWorld, running
from tests.stack.servers import PrivateStack


@pytest.fixture
def world(
    tmp_path: Path, servers: PrivateStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DistributedWorld]:
    """A whole system with a scripted model."""
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    with running(tmp_path, servers) as world:
        yield world
