"""The engines that tests of whole processes run on: what a process must be told to be on one of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw

from evoke.bootstrap import prepare_engine
from evoke.codec import decode
from evoke.ports.event_log import LogEntry
from evoke.settings import load_settings
from infrastructure.local.stack.evoke_settings import environment
from tests.stack.servers import PrivateStack

ALL = ("pulsar", "versitygw", "nessie", "trino")


class Engine:
    """The embedded engine. What lies in a folder is shared by whoever names that folder, and by nobody else."""

    name = "embedded"

    def settings(self, folder: Path) -> dict[str, Any]:
        """Settings by field name, for adapters that a test opens itself."""
        return {"engine": self.name, "data_dir": folder / "data"}

    def environment(self, folder: Path) -> dict[str, str]:
        """The same for a process."""
        return {f"EVOKE_{field.upper()}": str(value) for field, value in self.settings(folder).items()}

    def prepare(self, folder: Path, queues: Sequence[str]) -> None:
        """Do what `evoke admin init` does."""
        for _ in prepare_engine(load_settings(self.settings(folder)), queues):
            pass

    def in_order(self, entries: Sequence[LogEntry]) -> list[LogEntry]:
        """Entries of several topics as they came."""
        return sorted(entries, key=lambda entry: entry.position)

    @asynccontextmanager
    async def blobs_away(self, folder: Path) -> AsyncIterator[None]:
        """While the block lasts, no blob can be stored."""
        in_the_way = folder / "data" / "blobs"
        in_the_way.write_text("no folder")
        yield
        in_the_way.unlink()

    @asynccontextmanager
    async def log_away(self, folder: Path) -> AsyncIterator[None]:
        """While the block lasts, nothing can be appended."""
        locker = apsw.Connection(str(folder / "data" / "log.sqlite"))
        locker.execute("BEGIN IMMEDIATE")
        yield
        locker.execute("ROLLBACK")


class Distributed(Engine):
    """The distributed engine on real servers: each folder has its own namespace in Pulsar and in the catalog."""

    name = "distributed"

    def __init__(self, servers: PrivateStack, names: Sequence[str] = ALL) -> None:
        servers.start(*names)
        self._servers = servers

    def settings(self, folder: Path) -> dict[str, Any]:
        """See `Engine.settings`."""
        own = f"evoke_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
        namespaces = {"pulsar_namespace": own, "catalog_namespace": own}
        return {**super().settings(folder), **self._servers.settings(), **namespaces}

    def environment(self, folder: Path) -> dict[str, str]:
        """See `Engine.environment`."""
        return {**environment(self._servers.stack.ports), **super().environment(folder)}

    def in_order(self, entries: Sequence[LogEntry]) -> list[LogEntry]:
        """Positions of one topic say nothing of another's: by the time that whoever wrote an event put into it."""
        return sorted(entries, key=lambda entry: decode(entry.payload).time_ms)

    @asynccontextmanager
    async def blobs_away(self, folder: Path) -> AsyncIterator[None]:
        """See `Engine.blobs_away`."""
        async with self._away("versitygw"):
            yield

    @asynccontextmanager
    async def log_away(self, folder: Path) -> AsyncIterator[None]:
        """See `Engine.log_away`."""
        async with self._away("pulsar"):
            yield

    @asynccontextmanager
    async def _away(self, name: str) -> AsyncIterator[None]:
        await asyncio.to_thread(self._servers.kill, name)
        try:
            yield
        finally:
            await asyncio.to_thread(self._servers.start, name)
