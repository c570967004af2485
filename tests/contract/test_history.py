"""The contract of `History`, but for its SQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from evoke.bootstrap import open_archive, open_history
from evoke.domain.errors import InvalidInput, Unavailable
from evoke.domain.events import AnyEvent
from evoke.domain.job import Job, Status, evolve
from evoke.domain.topics import Lane
from evoke.ports.archive import Archive
from evoke.ports.event_log import LogEntry, Position
from evoke.ports.history import History, JobFilter, QueryLimits
from evoke.settings import Settings
from tests.contract.archive_world import HOUR_MS, LONG_AGO_MS, Tale, World, hours_apart, new_id

SERVERS = ("trino",)
ALL = JobFilter()


@pytest.fixture
async def archive(settings: Settings) -> AsyncIterator[Archive]:
    opened = await open_archive(settings)
    await opened.prepare()
    await opened.watermark()
    yield opened
    await opened.close()


@pytest.fixture
async def history(settings: Settings) -> AsyncIterator[History]:
    opened = await open_history(settings)
    yield opened
    await opened.close()


@pytest.fixture
def world(archive: Archive, queue: str) -> World:
    return World(archive, queue)


def folded(tale: Tale) -> Job:
    job: Job | None = None
    for _, event in tale.told:
        job = evolve(job, event)
    assert job is not None
    return job


def ids(jobs: object) -> list[str]:
    return [job.id for job in jobs]  # type: ignore[attr-defined]  # any sequence of jobs


async def unfinished(history: History, world: World) -> dict[str, list[AnyEvent]]:
    """Those of one tenant: a server may know others'."""
    found: dict[str, list[AnyEvent]] = {}
    async for events in history.unfinished():
        if events and events[0].tenant == world.tenant:
            found.setdefault(events[0].job_id, []).extend(events)
    return found


async def test_history_without_an_archive_is_empty(settings: Settings) -> None:
    history = await open_history(settings)
    try:
        assert await history.events("nobody", new_id(LONG_AGO_MS)) == []
        assert await history.jobs("nobody", ALL, None, 10) == []
    finally:
        await history.close()


async def test_history_that_was_opened_before_the_archive_was_made_sees_it(
    settings: Settings, queue: str
) -> None:
    history = await open_history(settings)
    assert await history.jobs(f"tenant_of_{queue}", ALL, None, 10) == []
    archive = await open_archive(settings)
    await archive.prepare()
    await archive.watermark()
    world = World(archive, queue)
    tale = world.job(LONG_AGO_MS)
    await world.commit()
    assert ids(await history.jobs(world.tenant, ALL, None, 10)) == [tale.id]
    await archive.close()
    await history.close()


async def test_the_watermark_is_that_of_the_last_commit_at_once(history: History, world: World) -> None:
    for _ in range(3):
        world.job(LONG_AGO_MS)
        watermark = await world.commit()
        assert (await history.watermark()).items() >= watermark.items()


async def test_all_events_of_a_job_come_by_topic_and_in_log_order(history: History, world: World) -> None:
    tale = world.job(LONG_AGO_MS).started("a1").attempt_failed("a1")
    await world.commit()
    tale.started("a2").succeeded("a2").dead_lettered()
    world.job(LONG_AGO_MS).started()
    await world.commit()
    assert await history.events(world.tenant, tale.id) == tale.told


async def test_events_of_an_unknown_job_or_another_tenants_are_none(history: History, world: World) -> None:
    tale = world.job(LONG_AGO_MS)
    await world.commit()
    assert await history.events("somebody_else", tale.id) == []
    assert await history.events(world.tenant, new_id(LONG_AGO_MS)) == []
    assert await history.events(world.tenant, "no id at all'; --") == []


async def test_bytes_that_are_no_event_are_archived_and_left_out_of_the_job(
    history: History, world: World
) -> None:
    tale = world.job(LONG_AGO_MS)
    garbage = LogEntry(f"requested_{world.queue}", Position("f" * 16), tale.id, b"\xff\x00{")
    world.entries.append(garbage)
    await world.commit()
    assert await history.events(world.tenant, tale.id) == tale.told
    rows = await history.query("", "SELECT topic, type FROM job_events", QueryLimits())
    assert [garbage.topic, "undecodable"] in rows.rows


async def test_jobs_come_newest_first_folded_as_of_the_watermark(history: History, world: World) -> None:
    tales = [world.job(moment).started().succeeded() for moment in hours_apart(3)]
    tales.append(world.job(LONG_AGO_MS + 5 * HOUR_MS).started())
    await world.commit()
    expected = [folded(tale) for tale in reversed(tales)]
    assert await history.jobs(world.tenant, ALL, None, 10) == expected
    assert [job.status for job in expected] == [Status.RUNNING, *[Status.SUCCEEDED] * 3]


async def test_pages_hold_each_job_once_while_jobs_arrive(history: History, world: World) -> None:
    tales = [world.job(moment + number) for moment in hours_apart(4) for number in range(7)]
    await world.commit()
    seen: list[str] = []
    before = None
    while page := await history.jobs(world.tenant, ALL, before, 5):
        seen += ids(page)
        before = seen[-1]
        world.job(LONG_AGO_MS + 6 * HOUR_MS)
        await world.commit()
    assert seen == sorted((tale.id for tale in tales), reverse=True)


async def test_a_job_without_its_submission_is_not_listed_yet(history: History, world: World) -> None:
    Tale(world, new_id(LONG_AGO_MS), LONG_AGO_MS).started()
    await world.commit()
    assert await history.jobs(world.tenant, ALL, None, 10) == []


async def test_the_list_is_filtered_by_status(history: History, world: World) -> None:
    by_status = {
        Status.QUEUED: world.job(LONG_AGO_MS),
        Status.RUNNING: world.job(LONG_AGO_MS + 1).started(),
        Status.SUCCEEDED: world.job(LONG_AGO_MS + 2).started().succeeded(),
        Status.FAILED: world.job(LONG_AGO_MS + 3).started().failed(),
        Status.CANCELLED: world.job(LONG_AGO_MS + 4).cancelled(),
    }
    await world.commit()
    for status, tale in by_status.items():
        found = await history.jobs(world.tenant, JobFilter(statuses=frozenset({status})), None, 10)
        assert ids(found) == [tale.id]
    ended = JobFilter(statuses=frozenset(status for status in Status if status.terminal))
    assert len(await history.jobs(world.tenant, ended, None, 10)) == 3


async def test_the_list_is_filtered_by_model_grouping_door_and_time(history: History, world: World) -> None:
    plain = world.job(LONG_AGO_MS)
    grouped = world.job(LONG_AGO_MS + HOUR_MS, metadata={"grouping": 'it\'s "mine"'})
    images = world.job(LONG_AGO_MS + 2 * HOUR_MS, door="images", lane=Lane.BULK)
    await world.commit()

    async def found(**wanted: object) -> list[str]:
        return ids(await history.jobs(world.tenant, JobFilter(**wanted), None, 10))  # type: ignore[arg-type]  # any field

    assert await found(grouping='it\'s "mine"') == [grouped.id]
    assert await found(door="images") == [images.id]
    assert await found(models=frozenset({"shapes-64"}), door="jobs") == [grouped.id, plain.id]
    assert await found(models=frozenset({"another"})) == []
    assert await found(since_ms=grouped.time_ms) == [images.id, grouped.id]
    assert await found(until_ms=grouped.time_ms) == [plain.id]
    assert await found(since_ms=plain.time_ms + 1, until_ms=images.time_ms) == [grouped.id]


async def test_a_rare_match_far_back_is_found(history: History, world: World) -> None:
    wanted = world.job(LONG_AGO_MS, metadata={"grouping": "rare"})
    for moment in hours_apart(12):
        for number in range(40):
            world.job(moment + number)
    await world.commit()
    assert ids(await history.jobs(world.tenant, JobFilter(grouping="rare"), None, 3)) == [wanted.id]


async def test_no_list_holds_another_tenants_job(history: History, world: World) -> None:
    other = World(world.archive, world.queue, "somebody_else")
    other.job(LONG_AGO_MS)
    await other.commit()
    own = world.job(LONG_AGO_MS)
    await world.commit()
    assert ids(await history.jobs(world.tenant, ALL, None, 10)) == [own.id]


async def test_a_cursor_that_is_no_id_is_refused(history: History) -> None:
    with pytest.raises(InvalidInput):
        await history.jobs("anybody", ALL, "x' OR true --", 10)


async def test_unfinished_gives_all_events_of_every_job_without_an_end(
    history: History, world: World
) -> None:
    queued = world.job(LONG_AGO_MS)
    world.job(LONG_AGO_MS).started().succeeded()
    world.job(LONG_AGO_MS).cancelled()
    running = world.job(LONG_AGO_MS + 5 * HOUR_MS).started("a1").yielded("a1")
    world.job(LONG_AGO_MS + 5 * HOUR_MS).started().failed()
    await world.commit()
    running.started("a2")
    await world.commit()
    found = await unfinished(history, world)
    assert found == {tale.id: [event for _, event in tale.told] for tale in (queued, running)}


async def test_unfinished_gives_many_jobs_each_once(history: History, world: World) -> None:
    tales = [world.job(moment + number) for moment in hours_apart(4) for number in range(600)]
    for tale in tales[::2]:
        tale.failed()
    await world.commit()
    found = [events[0].job_id async for events in history.unfinished() if events[0].tenant == world.tenant]
    assert sorted(found) == sorted(tale.id for tale in tales[1::2])


async def test_reads_go_on_while_files_are_compacted_away(history: History, world: World) -> None:
    tales = [world.job(moment).started() for moment in hours_apart(3)]
    await world.commit()
    for tale in tales:
        tale.succeeded()
        await world.commit()
    assert len(await history.jobs(world.tenant, ALL, None, 10)) == 3
    await world.archive.compact()
    await world.archive.expire_snapshots(2**42)
    for tale in tales:
        assert await history.events(world.tenant, tale.id) == tale.told


async def test_readers_beside_a_busy_writer_see_whole_commits(history: History, world: World) -> None:
    tale = world.job(LONG_AGO_MS)
    await world.commit()

    async def write() -> None:
        for number in range(12):
            world.job(LONG_AGO_MS + number).started().succeeded()
            await world.commit()
            if number % 4 == 3:
                await world.archive.compact()
                await world.archive.expire_snapshots(2**42)

    writing = asyncio.create_task(write())
    while not writing.done():
        assert await history.events(world.tenant, tale.id) == tale.told
        listed = await history.jobs(world.tenant, ALL, None, 50)
        assert {job.status for job in listed if job.id != tale.id} <= {Status.SUCCEEDED}
    await writing
    assert len(await history.jobs(world.tenant, ALL, None, 50)) == 13


async def test_a_closed_history_is_unavailable(settings: Settings) -> None:
    history = await open_history(settings)
    await history.close()
    await history.close()
    with pytest.raises(Unavailable):
        await history.events("anybody", new_id(LONG_AGO_MS))
    with pytest.raises(Unavailable):
        await history.watermark()
