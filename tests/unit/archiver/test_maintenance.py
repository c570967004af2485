"""Trimming the log of what is archived."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evoke.bootstrap import open_archive, open_event_log
from evoke.codec import rfc3339
from evoke.domain.errors import Conflict
from evoke.ports.archive import Archive
from evoke.ports.event_log import EventLog, Position, Record
from evoke.settings import Settings, load_settings
from services.archiver import maintenance

TOPIC = "attempts_factorial"
HOUR_S = 3600.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"data_dir": tmp_path})


@pytest.fixture
async def event_log(settings: Settings) -> AsyncIterator[EventLog]:
    opened = await open_event_log(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def archive(settings: Settings) -> AsyncIterator[Archive]:
    opened = await open_archive(settings)
    await opened.prepare()
    await opened.watermark()
    yield opened
    await opened.close()


async def append(event_log: EventLog, *ages_s: float) -> list[Position]:
    """Append entries of these ages."""
    now_ms = time.time_ns() // 1_000_000
    return [
        await event_log.append(Record(TOPIC, "job", b"{}", {"ce_time": rfc3339(now_ms - int(age_s * 1000))}))
        for age_s in ages_s
    ]


async def left(event_log: EventLog) -> list[Position]:
    return [entry.position for entry in await event_log.read(TOPIC, None, 10_000)]


async def test_archived_entries_older_than_the_retention_go(event_log: EventLog) -> None:
    positions = await append(event_log, 9 * HOUR_S, 5 * HOUR_S, 2 * HOUR_S, 0)
    archived = {TOPIC: positions[-1]}
    assert await maintenance.trim(event_log, archived, 4 * HOUR_S) == 1
    assert await left(event_log) == positions[2:]
    assert await maintenance.trim(event_log, archived, 4 * HOUR_S) == 0


async def test_what_is_not_archived_stays_however_old_it_is(event_log: EventLog) -> None:
    positions = await append(event_log, 9 * HOUR_S, 8 * HOUR_S, 7 * HOUR_S)
    await maintenance.trim(event_log, {}, HOUR_S)
    assert await left(event_log) == positions
    archived = {TOPIC: positions[0]}
    await maintenance.trim(event_log, archived, HOUR_S)
    assert await left(event_log) == positions[1:]


async def test_the_newest_entry_stays_as_a_mark(event_log: EventLog) -> None:
    positions = await append(event_log, 9 * HOUR_S, 8 * HOUR_S)
    archived = {TOPIC: positions[-1]}
    await maintenance.trim(event_log, archived, HOUR_S)
    assert await left(event_log) == positions[-1:]


async def test_more_entries_than_a_page_go_in_one_round(event_log: EventLog) -> None:
    positions = await append(event_log, *[9 * HOUR_S] * 1200, 0)
    archived = {TOPIC: positions[-1]}
    await maintenance.trim(event_log, archived, HOUR_S)
    assert await left(event_log) == positions[-1:]


async def test_compaction_is_tried_again_when_a_commit_was_in_the_way(archive: Archive) -> None:
    outcomes: list[Exception | None] = [Conflict("busy"), Conflict("busy"), None]

    class BusyArchive:
        async def compact(self) -> None:
            if (outcome := outcomes.pop(0)) is not None:
                raise outcome
            await archive.compact()

    await maintenance.compact(BusyArchive())  # type: ignore[arg-type]  # all that it needs of one
    assert outcomes == []
