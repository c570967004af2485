"""The other pages: a job's life, the list, the queues, the dead letters."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.end_to_end.api.world import World
from tests.end_to_end.console.visit import jobs, panel, picture

pytestmark = pytest.mark.browser


async def test_a_jobs_page_tells_its_life_as_it_happens(world: World, page: Page) -> None:
    job = await world.submit()
    await page.goto(f"{world.url}/jobs/{job['id']}")
    steps = page.locator("[data-timeline] strong")
    await expect(steps).to_have_text(["Accepted"])
    await world.start(job, "attempt-0")
    await world.fail_attempt(job, "attempt-0")
    await world.start(job)
    await world.succeed(job, data=picture())
    await expect(steps).to_have_text(["Accepted", "Started", "Attempt failed", "Started", "Succeeded"])
    await expect(page.locator("[data-timeline]")).to_contain_text("model_error: broke")
    await expect(panel(page).locator("img.picture")).to_be_visible()
    await page.reload()
    await expect(steps).to_have_text(["Accepted", "Started", "Attempt failed", "Started", "Succeeded"])


async def test_the_python_lines_of_a_job_make_it_again(world: World, page: Page, tmp_path: Path) -> None:
    job = await world.submit(input={"prompt": 'it\'s a "quoted" circle'}, metadata={"grouping": "g"})
    await world.start(job)
    await world.succeed(job)
    await page.goto(f"{world.url}/jobs/{job['id']}")
    await page.get_by_role("button", name="Copy Python").click()
    await expect(page.locator("[data-announcer]")).to_contain_text("Copied.")
    script = await page.evaluate("navigator.clipboard.readText()")
    again = await asyncio.to_thread(
        subprocess.Popen, [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    await _one_more(world, job)
    await asyncio.to_thread(again.communicate, timeout=60)
    newest = (await jobs(world))[0]
    assert again.returncode == 0
    assert newest["metadata"] == {"grouping": "g"}
    assert newest["input"] == {**job["input"], "seed": 42}


async def test_the_curl_line_of_a_job_makes_it_again(world: World, page: Page) -> None:
    job = await world.submit(input={"prompt": "it's $HOME `a` circle"})
    await page.goto(f"{world.url}/jobs/{job['id']}")
    line = str(await page.get_by_role("region", name="curl").text_content())
    again = await asyncio.to_thread(
        subprocess.Popen, ["sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    await _one_more(world, job)
    said, _ = await asyncio.to_thread(again.communicate, timeout=60)
    assert json.loads(said)["input"] == job["input"]


async def _one_more(world: World, job: dict[str, object]) -> None:
    """Wait for the job that follows this one, and end it."""
    async with asyncio.timeout(30):
        while (newest := (await jobs(world))[0])["id"] == job["id"]:
            await asyncio.sleep(0.02)
    await world.start(newest)
    await world.succeed(newest)


async def test_the_list_is_narrowed_and_goes_on_to_older_jobs(world: World, page: Page) -> None:
    for number in range(35):
        await world.submit(input={"prompt": f"circle {number}"})
    ended = (await jobs(world))[0]
    await world.http.post(f"/v1/jobs/{ended['id']}/cancel")
    await page.goto(f"{world.url}/jobs")
    rows = page.locator("#jobs .rows li")
    await expect(rows).to_have_count(30)
    await page.get_by_role("button", name="Show older ones").click()
    await expect(rows).to_have_count(35)
    await page.get_by_label("Status").select_option("cancelled")
    await expect(rows).to_have_count(1)
    await page.get_by_label("Model").select_option("factorial")
    await expect(page.get_by_text("No job is like that.")).to_be_visible()


async def test_a_dead_letter_is_replayed_and_another_purged(world: World, page: Page) -> None:
    first, second = await world.submit(), await world.submit()
    for number, job in enumerate((first, second)):
        await world.fail(job)
        await world.dead_letter(job, f"letter-{number}")
    await page.goto(f"{world.url}/dead-letters")
    await expect(page.get_by_text("2 are outstanding.")).to_be_visible()
    await page.get_by_role("button", name="Replay letter-0").click()
    await expect(page.get_by_text("1 is outstanding.")).to_be_visible()
    assert (await jobs(world))[0]["replay_of"] == first["id"]
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Purge letter-1").click()
    await expect(page.get_by_text("None. Every request was answered.")).to_be_visible()


async def test_the_queues_are_shown_and_renew_themselves(world: World, page: Page) -> None:
    await page.goto(f"{world.url}/queues")
    waiting = page.get_by_role("row", name="txt2img_generation").get_by_role("cell").nth(2)
    await expect(waiting).to_have_text("0")
    await world.submit()
    await expect(waiting).to_have_text("1")
