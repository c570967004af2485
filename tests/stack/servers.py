"""A stack of the tests' own: private ports and data, each server started when the first test asks for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from evoke.ports.archive import NAMESPACE, TABLE
from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.evoke_settings import addresses
from infrastructure.local.stack.server import ACCESS_KEY, SECRET_KEY
from infrastructure.local.stack.servers import SERVERS, in_order
from infrastructure.local.stack.stack import Stack

HEAPS_MB = {"pulsar": 256, "nessie": 192, "trino": 640}
"""Bounds of the heaps: tests keep little."""


class PrivateStack:
    """Starts servers on free ports of the loopback address, with their data in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.stack = Stack(folder, cache_folder(), lambda line: None)

    def start(self, *names: str) -> Mapping[str, int]:
        """Make sure that these servers (and what they need) are up; return all ports by name."""
        if not all(self.stack.alive(server.name) for server in in_order(names)):
            ports = {name: 0 for server in SERVERS for name in server.ports if name not in self.stack.ports}
            self.stack.up(names, ports, HEAPS_MB)
        return self.stack.ports

    def settings(self) -> dict[str, object]:
        """Settings of evoke that name the servers."""
        return addresses(self.stack.ports)

    def broker_settings(self) -> dict[str, object]:
        """Those of them that name the broker, for tests that need nothing else."""
        return {name: value for name, value in self.settings().items() if name.startswith("pulsar")}

    def credentials(self) -> dict[str, str]:
        """What S3 wants to see, as variables of the environment."""
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

    def forget_archive(self) -> None:
        """Drop the archive's table, so that a test begins without what others archived."""
        # Imported here: most tests start no server, and pay nothing for PyArrow.
        from pyiceberg.exceptions import NoSuchTableError

        from evoke.adapters.iceberg.rest import RestPlace, rest_home

        settings = self.settings()
        place = RestPlace(
            str(settings["catalog_uri"]),
            str(settings["catalog_warehouse"]),
            NAMESPACE,
            str(settings["s3_region"]),
            str(settings["s3_endpoint"]),
        )
        catalog = rest_home(place).catalog
        with suppress(NoSuchTableError):
            catalog.drop_table(f"{NAMESPACE}.{TABLE}")
        catalog.close()

    def kill(self, name: str) -> None:
        """SIGKILL a server; `start` brings it back on the same ports and data."""
        self.stack.down([name], kill=True)

    def end(self) -> None:
        """Kill everything and remove the data."""
        self.stack.down(kill=True)
        shutil.rmtree(self.stack.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateStack]:
    """The session's own stack; nothing is started before `start` is called."""
    private = PrivateStack(tmp_path_factory.mktemp("stack"))
    yield private
    private.end()
