"""The archive's folder as a whole: moved, partitioned anew, without space."""

from __future__ import annotations

import shutil
from pathlib import Path

from evoke.bootstrap import open_archive, open_history
from evoke.ports.history import JobFilter
from evoke.settings import Settings, load_settings
from tests.contract.archive_world import LONG_AGO_MS, World, hours_apart


async def filled(settings: Settings, moments: list[int]) -> World:
    archive = await open_archive(settings)
    await archive.prepare()
    await archive.watermark()
    world = World(archive, "queue")
    for moment in moments:
        world.job(moment).started()
    await world.commit()
    await archive.close()
    return world


async def listed(settings: Settings, world: World) -> int:
    history = await open_history(settings)
    try:
        return len(await history.jobs(world.tenant, JobFilter(), None, 100))
    finally:
        await history.close()


async def test_a_data_directory_that_was_moved_is_read_and_written_on(tmp_path: Path) -> None:
    before = load_settings({"data_dir": tmp_path / "before"})
    world = await filled(before, hours_apart(3))
    shutil.move(tmp_path / "before", tmp_path / "after")
    after = load_settings({"data_dir": tmp_path / "after"})
    assert await listed(after, world) == 3
    await filled(after, hours_apart(2))
    archive = await open_archive(after)
    await archive.compact()
    await archive.expire_snapshots(2**42)
    await archive.close()
    assert await listed(after, world) == 5
    assert not (tmp_path / "before").exists()


async def test_another_partitioning_keeps_what_was_written_by_the_old_one(tmp_path: Path) -> None:
    by_hour = load_settings({"data_dir": tmp_path, "archive_partition": "hour"})
    by_day = load_settings({"data_dir": tmp_path, "archive_partition": "day"})
    world = await filled(by_hour, hours_apart(3))
    await filled(by_day, hours_apart(3))
    await filled(by_hour, [LONG_AGO_MS])
    assert await listed(by_day, world) == 7
    archive = await open_archive(by_day)
    await archive.prepare()
    await archive.compact()
    rows = (await archive.size()).rows
    await archive.close()
    assert rows == 14
    assert await listed(by_day, world) == 7
