"""Files that are there and can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from evoke.bootstrap import open_archive, open_history
from evoke.domain.errors import Unavailable
from evoke.ports.history import JobFilter
from evoke.settings import load_settings
from tests.contract.archive_world import LONG_AGO_MS, World


async def test_a_read_of_damaged_files_is_unavailable_and_works_again_when_they_are_mended(
    tmp_path: Path,
) -> None:
    settings = load_settings({"data_dir": tmp_path})
    archive, history = await open_archive(settings), await open_history(settings)
    await archive.prepare()
    await archive.watermark()
    world = World(archive, "images")
    tale = world.job(LONG_AGO_MS)
    await world.commit()
    whole = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    for path, content in whole.items():
        path.write_bytes(b"x" * len(content))
    for read in (
        history.events(world.tenant, tale.id),
        history.jobs(world.tenant, JobFilter(), None, 5),
        anext(aiter(history.unfinished())),
    ):
        with pytest.raises(Unavailable) as refused:
            await read
        assert str(tmp_path) not in str(refused.value)
    for path, content in whole.items():
        path.write_bytes(content)
    assert await history.events(world.tenant, tale.id) == tale.told
    await archive.close()
    await history.close()
