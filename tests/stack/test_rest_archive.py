"""The archive behind a real REST catalog, with its files in a real S3 server. Told by the archive alone."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from evoke.bootstrap import open_archive
from evoke.domain.errors import Conflict, Unavailable
from evoke.ports.archive import Archive
from evoke.settings import Settings, load_settings
from tests.contract.archive_world import LONG_AGO_MS, World, hours_apart
from tests.stack.servers import PrivateStack

pytestmark = pytest.mark.distributed


@pytest.fixture
def settings(servers: PrivateStack, monkeypatch: pytest.MonkeyPatch) -> Settings:
    servers.start("versitygw", "nessie")
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    return load_settings({"engine": "distributed", **servers.settings()})


@pytest.fixture
async def archive(settings: Settings) -> AsyncIterator[Archive]:
    opened = await open_archive(settings)
    await opened.prepare()
    await opened.watermark()
    yield opened
    await opened.close()


def own(queue: str) -> str:
    """A name that no other run on the same servers uses."""
    return f"{queue}_{secrets.token_hex(4)}"


def told(world: World, jobs: int) -> World:
    for moment in hours_apart(jobs):
        world.job(moment).started().succeeded()
    return world


async def test_rows_and_watermark_are_there_for_whoever_opens_the_archive_next(
    archive: Archive, settings: Settings
) -> None:
    before = await archive.size()
    watermark = await told(World(archive, own("next")), 2).commit()
    other = await open_archive(settings)
    assert (await other.watermark()).items() >= watermark.items()
    assert (await other.size()).rows == before.rows + 6
    await other.close()


async def test_of_many_writers_at_once_one_commits_and_the_others_conflict(
    archive: Archive, settings: Settings
) -> None:
    before = (await archive.size()).rows
    writers = [World(await open_archive(settings), own(f"many{number}")) for number in range(4)]
    for writer in writers:
        await writer.archive.watermark()
        writer.job(LONG_AGO_MS)
    outcomes = await asyncio.gather(*(writer.commit() for writer in writers), return_exceptions=True)
    for writer in writers:
        await writer.archive.close()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Conflict",
        "Conflict",
        "Conflict",
        "dict",
    ]
    assert (await archive.size()).rows == before + 1


async def test_rows_before_the_watermark_are_refused(archive: Archive) -> None:
    world = told(World(archive, own("again")), 1)
    rows = world.rows()
    watermark = await world.commit()
    before = (await archive.size()).rows
    with pytest.raises(Conflict):
        await archive.commit(rows, watermark)
    assert (await archive.size()).rows == before


async def test_compaction_and_expiry_keep_every_row_and_the_watermark(archive: Archive) -> None:
    world = World(archive, own("compacted"))
    for _ in range(4):
        watermark = await told(world, 1).commit()
    before = await archive.size()
    await archive.compact()
    await archive.expire_snapshots(2**42)
    after = await archive.size()
    assert after.rows == before.rows
    assert after.files < before.files
    assert (await archive.watermark()).items() >= watermark.items()
    await told(world, 1).commit()
    assert (await archive.size()).rows == before.rows + 3


@pytest.mark.parametrize("killed", ["nessie", "versitygw"])
async def test_while_a_server_is_dead_commits_are_unavailable_and_afterwards_nothing_is_doubled(
    archive: Archive, servers: PrivateStack, killed: str
) -> None:
    world = told(World(archive, own(f"dead_{killed}")), 1)
    rows, last = world.rows(), {entry.topic: entry.position for entry in world.entries}
    before = (await archive.size()).rows
    servers.kill(killed)
    with pytest.raises(Unavailable):
        await archive.commit(rows, last)
    await asyncio.to_thread(servers.start, killed)
    await _until_it_answers(archive.watermark)
    await archive.commit(rows, last)
    assert (await archive.size()).rows == before + 3


async def _until_it_answers(ask: Callable[[], Awaitable[object]]) -> None:
    for _ in range(20):
        try:
            await ask()
        except Unavailable:
            await asyncio.sleep(0.5)
        else:
            return
    await ask()
