"""The contract of `Archive`. What was archived is looked at through `History`, as everyone does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from evoke.bootstrap import open_archive, open_history
from evoke.domain.errors import Conflict, LogReplaced, Unavailable
from evoke.ports.archive import Archive
from evoke.ports.event_log import Position
from evoke.ports.history import History, QueryLimits
from evoke.settings import Settings
from tests.contract.archive_world import HOUR_MS, LONG_AGO_MS, World, hours_apart


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


async def positions(history: History, world: World) -> list[str]:
    result = await history.query(world.tenant, "SELECT position FROM job_events ORDER BY 1", QueryLimits())
    return [row[0] for row in result.rows]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_a_new_archive_has_no_watermark_of_a_topic_that_nobody_wrote(
    archive: Archive, queue: str
) -> None:
    assert f"requested_{queue}" not in await archive.watermark()


async def test_a_commit_adds_its_rows_and_moves_the_watermark(
    archive: Archive, history: History, world: World
) -> None:
    world.job(LONG_AGO_MS).started().succeeded()
    written = [entry.position for entry in world.entries]
    watermark = await world.commit()
    assert (await archive.watermark()).items() >= watermark.items()
    assert await positions(history, world) == written


async def test_topics_that_a_commit_does_not_name_keep_their_watermark(archive: Archive, queue: str) -> None:
    first, second = f"requested_{queue}", f"completed_{queue}"
    await archive.commit([], {first: Position("1")})
    await archive.commit([], {second: Position("2")})
    known = await archive.watermark()
    assert (known[first], known[second]) == ("1", "2")


async def test_a_commit_of_no_rows_moves_the_watermark_alone(archive: Archive, queue: str) -> None:
    await archive.commit([], {f"requested_{queue}": Position("7")})
    assert (await archive.watermark())[f"requested_{queue}"] == "7"


async def test_what_was_committed_is_there_after_reopening(settings: Settings, world: World) -> None:
    world.job(LONG_AGO_MS)
    written = [entry.position for entry in world.entries]
    watermark = await world.commit()
    archive, history = await open_archive(settings), await open_history(settings)
    try:
        assert (await archive.watermark()).items() >= watermark.items()
        assert await positions(history, world) == written
    finally:
        await archive.close()
        await history.close()


async def test_preparing_again_and_at_once_changes_nothing(settings: Settings, world: World) -> None:
    world.job(LONG_AGO_MS)
    watermark = await world.commit()
    others = [await open_archive(settings) for _ in range(3)]
    try:
        await asyncio.gather(*(other.prepare() for other in others))
        for other in others:
            assert (await other.watermark()).items() >= watermark.items()
    finally:
        for other in others:
            await other.close()


async def test_a_second_writer_that_did_not_see_the_last_commit_is_refused(
    settings: Settings, history: History, world: World, queue: str
) -> None:
    late = await open_archive(settings)
    try:
        await late.watermark()
        world.job(LONG_AGO_MS)
        written = [entry.position for entry in world.entries]
        rows = world.rows()
        watermark = await world.commit()
        with pytest.raises(Conflict):
            await late.commit(rows, {f"requested_{queue}": Position("f" * 16)})
        assert (await late.watermark()).items() >= watermark.items()
        assert await positions(history, world) == written
    finally:
        await late.close()


async def test_a_writer_that_was_refused_goes_on_after_it_read_the_watermark(
    settings: Settings, history: History, world: World
) -> None:
    late = World(await open_archive(settings), world.queue, world.tenant)
    try:
        await late.archive.watermark()
        world.job(LONG_AGO_MS)
        await world.commit()
        late.job(LONG_AGO_MS)
        with pytest.raises(Conflict):
            await late.commit()
        await late.archive.watermark()
        await late.commit()
        assert len(await positions(history, world)) == 2
    finally:
        await late.archive.close()


async def test_rows_before_the_watermark_are_refused_from_whomever(
    settings: Settings, history: History, world: World
) -> None:
    world.job(LONG_AGO_MS)
    rows = world.rows()
    watermark = await world.commit()
    with pytest.raises(Conflict):
        await world.archive.commit(rows, watermark)
    other = await open_archive(settings)
    await other.watermark()
    with pytest.raises(Conflict):
        await other.commit(rows, watermark)
    await other.close()
    assert len(await positions(history, world)) == 1


async def test_of_many_writers_at_once_each_row_is_written_at_most_once(
    settings: Settings, history: History, queue: str
) -> None:
    writers = [World(await open_archive(settings), queue) for _ in range(5)]
    for writer in writers:
        await writer.archive.prepare()
        await writer.archive.watermark()
        writer.job(LONG_AGO_MS)
    outcomes = await asyncio.gather(*(writer.commit() for writer in writers), return_exceptions=True)
    for writer in writers:
        await writer.archive.close()
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert {type(outcome) for outcome in outcomes} <= {dict, Conflict}
    assert len(await positions(history, writers[0])) == 1


async def test_compaction_keeps_every_row_and_the_watermark(
    archive: Archive, history: History, world: World
) -> None:
    for moment in hours_apart(2) * 4:
        world.job(moment).started().succeeded()
        watermark = await world.commit()
    before, files = await positions(history, world), (await archive.size()).files
    await archive.compact()
    assert await positions(history, world) == before
    assert (await archive.watermark()).items() >= watermark.items()
    assert (await archive.size()).files < files


async def test_compacting_again_finds_nothing_to_do(archive: Archive, world: World) -> None:
    for moment in hours_apart(1) * 4:
        world.job(moment)
        await world.commit()
    await archive.compact()
    before = await archive.size()
    await archive.compact()
    assert await archive.size() == before


async def test_a_writer_goes_on_after_its_own_compaction_and_expiry(
    archive: Archive, history: History, world: World
) -> None:
    for moment in hours_apart(1) * 4:
        world.job(moment)
        await world.commit()
    await archive.compact()
    await archive.expire_snapshots(now_ms() + 1)
    world.job(LONG_AGO_MS)
    await world.commit()
    assert len(await positions(history, world)) == 5


async def test_commits_and_compactions_at_once_lose_nothing(
    archive: Archive, history: History, world: World
) -> None:
    async def write() -> None:
        for moment in hours_apart(3) * 6:
            world.job(moment).started()
            await world.commit()

    async def compact_again_and_again(writing: asyncio.Task[None]) -> None:
        while not writing.done():
            await archive.compact()
            await archive.expire_snapshots(now_ms() - 60_000)

    writing = asyncio.create_task(write())
    await compact_again_and_again(writing)
    await writing
    assert len(await positions(history, world)) == 36


async def test_expiry_keeps_the_newest_snapshot_and_the_watermark(
    archive: Archive, history: History, world: World
) -> None:
    for moment in hours_apart(3):
        world.job(moment)
        watermark = await world.commit()
    await archive.expire_snapshots(now_ms() + HOUR_MS)
    assert (await archive.size()).snapshots == 1
    assert (await archive.watermark()).items() >= watermark.items()
    assert len(await positions(history, world)) == 3


async def test_expiry_keeps_snapshots_that_were_replaced_later(archive: Archive, world: World) -> None:
    moment = now_ms()
    for _ in range(3):
        world.job(LONG_AGO_MS)
        await world.commit()
    before = (await archive.size()).snapshots
    await archive.expire_snapshots(moment)
    assert (await archive.size()).snapshots == before


async def test_size_counts_rows_and_files(archive: Archive, world: World) -> None:
    before = await archive.size()
    for moment in hours_apart(2):
        world.job(moment).started()
    await world.commit()
    after = await archive.size()
    assert after.rows - before.rows == 4
    assert after.files - before.files == 2
    assert after.size_bytes > before.size_bytes


async def test_a_closed_archive_is_unavailable(settings: Settings) -> None:
    archive = await open_archive(settings)
    await archive.close()
    await archive.close()
    with pytest.raises(Unavailable):
        await archive.watermark()


async def test_the_rows_of_a_topic_come_back_in_the_logs_order(archive: Archive, world: World) -> None:
    for moment in hours_apart(3):
        world.job(moment).started().succeeded()
    written = world.rows()
    await world.commit()
    world.job(LONG_AGO_MS - 5 * HOUR_MS).started()
    written += world.rows()
    await world.commit()
    for topic in {row.topic for row in written}:
        wanted = [row for row in written if row.topic == topic]
        assert [row async for page in archive.rows(topic) for row in page] == wanted
        rest = [row async for page in archive.rows(topic, wanted[0].position) for row in page]
        assert rest == wanted[1:]
    assert [page async for page in archive.rows("nobody_wrote_this")] == []


async def test_an_archive_is_of_no_log_before_a_commit_tells_it(archive: Archive, history: History) -> None:
    assert await archive.log() is None
    assert await history.log() is None


async def test_an_archive_is_of_the_log_that_was_committed_whatever_is_done_to_it(
    archive: Archive, history: History, world: World
) -> None:
    world.job(LONG_AGO_MS)
    await archive.commit(world.rows(), {}, "0-a")
    world.entries.clear()
    world.job(LONG_AGO_MS)
    await world.commit()  # of who does not tell
    await archive.compact()
    await archive.expire_snapshots(now_ms())
    assert await archive.log() == "0-a"
    assert await history.log() == "0-a"


async def test_events_of_another_log_are_refused_until_the_archive_continues_with_it(
    archive: Archive, history: History, world: World
) -> None:
    topic = f"requested_{world.queue}"
    await archive.commit([], {topic: Position("7")}, "0-a")
    with pytest.raises(LogReplaced, match="0-a"):
        await archive.commit([], {topic: Position("8")}, "1-b")
    assert (await archive.watermark())[topic] == "7"
    await archive.continue_with("1-b")
    assert (await archive.watermark())[topic] == "7"
    await archive.commit([], {topic: Position("8")}, "1-b")
    assert await history.log() == "1-b"


async def test_the_newest_event_tells_how_far_the_archive_reaches(archive: Archive, world: World) -> None:
    assert await archive.newest_ms() is None
    world.job(LONG_AGO_MS + HOUR_MS + 5)
    world.job(LONG_AGO_MS)
    await world.commit()
    assert await archive.newest_ms() == LONG_AGO_MS + HOUR_MS + 5
