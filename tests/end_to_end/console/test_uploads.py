"""Files of a form: chosen, sent, shown, taken away, and there again for a job that is made once more."""

from __future__ import annotations

import hashlib

import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.end_to_end.api.world import World
from tests.end_to_end.console.visit import jobs, panel, picture

pytestmark = pytest.mark.browser

IMAGE = "Picture to begin with"


def file(data: bytes, name: str = "sketch.png", kind: str = "image/png") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": data}


async def begin(page: Page, world: World) -> None:
    await page.goto(world.url)
    await page.get_by_label("Prompt (needed)").fill("a red circle")
    await page.locator("summary", has_text="Settings").first.click()


async def make(page: Page) -> None:
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(panel(page).get_by_role("heading", name="a red circle")).to_be_visible()


async def test_a_chosen_picture_is_sent_shown_and_named_by_the_input(world: World, page: Page) -> None:
    await begin(page, world)
    await page.get_by_label(IMAGE, exact=True).set_input_files(file(picture()))
    await expect(page.locator(".given img").first).to_be_visible()
    await make(page)
    [job] = await jobs(world)
    assert job["input"]["init_image"] == f"file:{hashlib.sha256(picture()).hexdigest()}"


async def test_a_picture_that_was_taken_away_is_not_part_of_the_job(world: World, page: Page) -> None:
    await begin(page, world)
    await page.get_by_label(IMAGE, exact=True).set_input_files(file(picture()))
    await page.get_by_role("button", name=f"Take away {IMAGE}").click()
    await expect(page.locator(".given:visible")).to_have_count(0)
    await make(page)
    [job] = await jobs(world)
    assert "init_image" not in job["input"]


async def test_a_file_that_is_no_picture_is_refused_at_its_field(world: World, page: Page) -> None:
    await begin(page, world)
    await page.get_by_label(IMAGE, exact=True).set_input_files(file(b"no picture", "notes.png"))
    await expect(page.locator('[data-error-for="init_image"]')).to_contain_text("notes.png was not taken")
    await page.get_by_role("button", name="Create", exact=True).click()
    assert await jobs(world) == []


async def test_the_file_of_an_earlier_job_begins_a_new_one(world: World, page: Page) -> None:
    await begin(page, world)
    await page.get_by_label(IMAGE, exact=True).set_input_files(file(picture()))
    await expect(page.locator(".given img").first).to_be_visible()
    await make(page)
    [job] = await jobs(world)
    await page.goto(f"{world.url}/?source={job['id']}")
    await page.locator("summary", has_text="Settings").first.click()
    await expect(page.locator(".given img").first).to_be_visible()
