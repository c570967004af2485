"""Files that are not there although the newest snapshot names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from evoke.bootstrap import open_archive, open_history
from evoke.domain.errors import Unavailable
from evoke.ports.history import JobFilter, QueryLimits
from evoke.settings import load_settings
from tests.contract.archive_world import LONG_AGO_MS, World


async def test_a_read_of_files_that_are_gone_is_unavailable_and_names_no_path(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": tmp_path})
    archive, history = await open_archive(settings), await open_history(settings)
    await archive.prepare()
    await archive.watermark()
    world = World(archive, "images")
    tale = world.job(LONG_AGO_MS)
    await world.commit()
    assert await history.events(world.tenant, tale.id) == tale.told
    hidden = [(path, path.with_suffix(".hidden")) for path in tmp_path.rglob("*.parquet")]
    for path, other in hidden:
        path.rename(other)
    for read in (
        history.events(world.tenant, tale.id),
        history.jobs(world.tenant, JobFilter(), None, 5),
        history.query(world.tenant, "SELECT count(*) FROM jobs", QueryLimits()),
    ):
        with pytest.raises(Unavailable) as refused:
            await read
        assert str(tmp_path) not in str(refused.value)
    for path, other in hidden:
        other.rename(path)
    assert await history.events(world.tenant, tale.id) == tale.told
    await archive.close()
    await history.close()
