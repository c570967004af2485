"""An archiver on Pulsar and an Iceberg REST catalog, and what it has archived, read from the table itself."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evoke import codec
from evoke.adapters.iceberg.rest import RestPlace, rest_home
from evoke.domain import topics
from evoke.domain.events import AnyEvent, AttemptStarted, Requested, Succeeded
from evoke.domain.ids import uuid7
from evoke.ports.archive import TABLE
from evoke.ports.event_log import EventLog, Record
from evoke.settings import PREFIX, Settings, load_settings
from tests.system.processes import ProcessUnderTest
from tests.system.world import CATALOGUE

DEADLINE_S = 90.0
Rows = list[tuple[str, str, str]]
"""Topic, position and payload of each."""


class Archiving:
    """A queue of its own, its archiver as a process, its log and its rows."""

    def __init__(self, folder: Path, chosen: Mapping[str, object], queue: str) -> None:
        catalogue = folder / "models.yaml"
        catalogue.write_text(CATALOGUE.replace("queue: scripted", f"queue: {queue}"), encoding="utf-8")
        chosen = {"engine": "distributed", "catalogue": catalogue, **chosen}
        self.settings: Settings = load_settings(chosen)
        self.queue = queue
        self._folder = folder
        self._environment = {PREFIX + name.upper(): str(value) for name, value in chosen.items()}
        self._started: list[ProcessUnderTest] = []

    def archiver(self, **settings: str) -> ProcessUnderTest:
        """Start an archiver. settings: by field name."""
        pace = {"ARCHIVE_INTERVAL_S": "0.1", "ARCHIVE_COMPACT_S": "3600", "LOG_LEVEL": "warning"}
        own = {name.upper(): value for name, value in settings.items()}
        environment = {
            **self._environment,
            **{PREFIX + name: value for name, value in {**pace, **own}.items()},
        }
        process = ProcessUnderTest(
            "archiver", "services.archiver", (), environment, self._folder / "archiver.log"
        )
        process.start()
        self._started.append(process)
        return process

    def end(self) -> None:
        """Kill every archiver."""
        for process in self._started:
            process.kill()

    async def add_job(self, log: EventLog) -> None:
        """One whole life of a job."""
        now_ms = time.time_ns() // 1_000_000
        about: dict[str, Any] = {
            "job_id": uuid7(now_ms, secrets.token_bytes(10)),
            "tenant": "default",
            "queue": self.queue,
            "model": "scripted",
            "time_ms": now_ms,
        }
        events: dict[str, AnyEvent] = {
            topics.requested(self.queue): Requested(**about, input={"behaviour": "echo"}),
            topics.attempts(self.queue): AttemptStarted(**about, attempt_id="a", worker="w"),
            topics.completed(self.queue): Succeeded(**about, attempt_id="a"),
        }
        for topic, event in events.items():
            await log.append(Record(topic, about["job_id"], codec.encode(event)))

    async def logged(self, log: EventLog) -> Rows:
        """Every entry of the log."""
        found: Rows = []
        for topic in topics.logged(self.queue):
            after = None
            while page := await log.read(topic, after, 1000):
                found += [(topic, str(entry.position), entry.payload.decode()) for entry in page]
                after = page[-1].position
        return sorted(found)

    async def archived(self) -> Rows:
        """Every row of this queue."""
        return await asyncio.to_thread(self._archived)

    def _archived(self) -> Rows:
        chosen = self.settings
        assert chosen.catalog_uri is not None
        place = RestPlace(
            chosen.catalog_uri,
            chosen.catalog_warehouse,
            chosen.catalog_namespace,
            chosen.s3_region,
            chosen.s3_endpoint,
        )
        catalog = rest_home(place).catalog
        if not catalog.table_exists((chosen.catalog_namespace, TABLE)):
            return []
        wanted = " or ".join(f"topic = '{topic}'" for topic in topics.logged(self.queue))
        fields = ("topic", "position", "payload")
        rows = (
            catalog.load_table((chosen.catalog_namespace, TABLE))
            .scan(wanted, selected_fields=fields)
            .to_arrow()
        )
        return sorted((row["topic"], row["position"], row["payload"]) for row in rows.to_pylist())

    async def wait_until_archived(self, entries: Rows) -> None:
        """Wait until the archive holds at least these; then it must hold each once."""
        async with asyncio.timeout(DEADLINE_S):
            while len(found := await self.archived()) < len(entries):
                await asyncio.sleep(0.3)
        assert found == entries
