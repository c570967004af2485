"""The loop from log to archive, in this process, on the embedded engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from evoke import codec
from evoke.bootstrap import open_archive, open_archiver_lease, open_event_log
from evoke.continuity import RESTORED
from evoke.domain.errors import LogReplaced, Unavailable
from evoke.domain.events import Cancelled
from evoke.domain.ids import uuid7
from evoke.ports.archive import Archive
from evoke.ports.event_log import EventLog, Position, Record
from evoke.settings import Settings, load_settings
from services.archiver.archiver import Archiver, next_batch
from services.archiver.batch import Pace
from services.archiver.metrics import ArchiverMetrics
from services.archiver.rows import queues_by_topic

DEADLINE_S, REFUSED_S = 60.0, 10.0
TOPIC = "completed_factorial"


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
    yield opened
    await opened.close()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def archiving(
    event_log: EventLog, archive: Archive, registry: CollectorRegistry
) -> AsyncIterator[asyncio.Event]:
    """A running archiver, and what stops it."""
    stop = asyncio.Event()
    pace = Pace(interval_s=0.05, max_rows=40)
    archiver = Archiver(
        event_log,
        archive,
        queues_by_topic(("factorial",)),
        pace,
        ArchiverMetrics(registry),
        lambda place: None,
    )
    running = asyncio.create_task(archiver.run(stop))
    yield stop
    stop.set()
    await asyncio.wait_for(running, DEADLINE_S)


async def append(event_log: EventLog) -> Position:
    job_id = uuid7(1_700_000_000_000, b"0123456789")
    event = Cancelled(job_id=job_id, tenant="t", queue="factorial", model="m", time_ms=1_700_000_000_000)
    return await event_log.append(Record(TOPIC, job_id, codec.encode(event)))


async def reached(archive: Archive, position: Position) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await archive.watermark()).get(TOPIC, "") < position:
            await asyncio.sleep(0.05)


async def counted(registry: CollectorRegistry, name: str, at_least: float) -> float:
    """The value of a metric, once it has come so far."""
    async with asyncio.timeout(DEADLINE_S):
        while (value := registry.get_sample_value(name) or 0.0) < at_least:
            await asyncio.sleep(0.05)
    return value


@pytest.mark.usefixtures("archiving")
async def test_what_is_appended_is_archived_and_counted(
    event_log: EventLog, archive: Archive, registry: CollectorRegistry
) -> None:
    for _ in range(100):
        last = await append(event_log)
    await reached(archive, last)
    assert (await archive.size()).rows == 100
    assert await counted(registry, "evoke_archiver_rows_total", 100) == 100
    assert await counted(registry, "evoke_archiver_lag_seconds", 1) > 0


@pytest.mark.usefixtures("archiving")
async def test_an_idle_log_makes_no_commits(event_log: EventLog, archive: Archive) -> None:
    await reached(archive, await append(event_log))
    before = await archive.size()
    await asyncio.sleep(0.5)
    assert await archive.size() == before


@pytest.mark.usefixtures("archiving")
async def test_after_another_writers_commit_it_goes_on_from_there(
    settings: Settings, event_log: EventLog, archive: Archive, registry: CollectorRegistry
) -> None:
    await reached(archive, await append(event_log))
    other = await open_archive(settings)
    await other.watermark()
    await other.commit([], {"completed_elsewhere": Position("1")})
    await other.close()
    last = await append(event_log)
    await counted(registry, "evoke_archiver_conflicts_total", 1)
    await counted(registry, "evoke_archiver_rows_total", 2)
    assert (await archive.watermark())[TOPIC] == last
    assert (await archive.size()).rows == 2


async def test_a_lease_is_held_by_one_and_goes_to_the_next(settings: Settings) -> None:
    first, second = await open_archiver_lease(settings), await open_archiver_lease(settings)
    await asyncio.wait_for(first.acquire(), DEADLINE_S)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire(), 0.6)
    waiting = asyncio.create_task(second.acquire())
    await first.release()
    await first.release()
    await asyncio.wait_for(waiting, DEADLINE_S)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(first.acquire(), 0.6)
    await second.release()


async def test_a_lease_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "archiver.lock").mkdir()
    lease = await open_archiver_lease(load_settings({"data_dir": tmp_path}))
    with pytest.raises(Unavailable):
        await lease.acquire()


async def test_entries_that_come_one_by_one_are_read_together(event_log: EventLog) -> None:
    tail = event_log.tail({TOPIC: None})
    reading = asyncio.create_task(next_batch(tail, gather_s=0.3))

    appended = [await append(event_log) for _ in range(5)]

    assert not reading.done()
    batch = await asyncio.wait_for(reading, DEADLINE_S)
    assert [entry.position for entry in batch] == appended


@pytest.mark.usefixtures("archiving")
async def test_what_a_restore_has_told_again_is_passed_over_and_no_row(
    event_log: EventLog, archive: Archive
) -> None:
    again = Record(TOPIC, "key", b"{}", {RESTORED: "0-lost"})
    await reached(archive, await event_log.append(again))
    await reached(archive, await append(event_log))
    last = await event_log.append(again)
    await reached(archive, last)
    assert (await archive.size()).rows == 1


def an_archiver(event_log: EventLog, archive: Archive) -> Archiver:
    pace = Pace(interval_s=0.05, max_rows=40)
    queues = queues_by_topic(("factorial",))
    return Archiver(
        event_log, archive, queues, pace, ArchiverMetrics(CollectorRegistry()), lambda place: None
    )


async def test_it_archives_nothing_of_a_log_that_ends_before_the_archive(
    event_log: EventLog, archive: Archive
) -> None:
    """As after the loss of the log's file alone: its positions begin anew."""
    await archive.prepare()
    await archive.watermark()
    await archive.commit([], {TOPIC: Position(f"{1000:016x}")})
    await append(event_log)
    with pytest.raises(LogReplaced, match="evoke admin restore"):
        await asyncio.wait_for(an_archiver(event_log, archive).run(asyncio.Event()), REFUSED_S)


async def test_it_archives_nothing_of_another_log_than_the_archives(
    event_log: EventLog, archive: Archive
) -> None:
    await archive.prepare()
    await archive.watermark()
    await archive.commit([], {}, "0-another")
    await append(event_log)
    archiver = an_archiver(event_log, archive)
    with pytest.raises(LogReplaced, match="0-another"):
        await asyncio.wait_for(archiver.run(asyncio.Event()), REFUSED_S)
    assert archiver.archived == {}
    assert (await archive.size()).rows == 0
