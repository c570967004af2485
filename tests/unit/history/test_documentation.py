"""Every SQL example of docs/history.md answers."""

from __future__ import annotations

import re
from pathlib import Path

from evoke.bootstrap import open_archive, open_history
from evoke.ports.history import QueryLimits
from evoke.settings import load_settings
from tests.contract.archive_world import World, hours_apart

PAGE = (Path(__file__).parents[3] / "docs" / "history.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
SHELL = re.findall(r'evoke sql "(.*?)"', PAGE) + re.findall(r'"sql": "(.*?)"', PAGE)


async def test_every_example_of_the_page_answers(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": tmp_path})
    archive, history = await open_archive(settings), await open_history(settings)
    try:
        await archive.prepare()
        await archive.watermark()
        world = World(archive, "images")
        for moment in hours_apart(2):
            world.job(moment, input={"sampler_name": "euler"}).started().attempt_failed().started(
                "a2"
            ).succeeded("a2")
            world.job(moment).started().failed()
            world.job(moment).started()
        await world.commit()
        assert len(EXAMPLES) >= 6
        assert len(SHELL) == 2
        rows = {
            sql: len((await history.query(world.tenant, sql, QueryLimits())).rows) for sql in EXAMPLES + SHELL
        }
    finally:
        await archive.close()
        await history.close()
    empty = {sql for sql, count in rows.items() if count == 0}
    assert all("job_id = '0199a1b2" in sql or "INTERVAL '1' DAY" in sql for sql in empty), empty


async def test_the_page_names_every_column_of_every_view(tmp_path: Path) -> None:
    history = await open_history(load_settings({"data_dir": tmp_path}))
    try:
        for view in ("jobs", "usage", "failures", "job_events"):
            described = await history.query("nobody", f"DESCRIBE {view}", QueryLimits())
            missing = {str(row[0]) for row in described.rows if f"`{row[0]}`" not in PAGE}
            assert not missing, f"{view}: {missing}"
    finally:
        await history.close()
