"""What the console says and does when the API goes away, is slow, or refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from services.api.key_file import create_key
from tests.end_to_end.api.world import World, running_api
from tests.end_to_end.console.visit import create, jobs, panel, picture, visible_picture
from tests.stack.engines import Engine
from tests.system.processes import free_port

pytestmark = pytest.mark.browser
AWAY = "The API does not answer. Trying again"


async def test_the_api_going_away_is_said_and_everything_goes_on_when_it_is_back(
    tmp_path: Path, page: Page
) -> None:
    port = free_port()
    async with running_api(Engine(), tmp_path, port=port) as world:
        await page.goto(world.url)
        job = await create(page, world, "a patient circle")
        await world.start(job)
        await expect(panel(page).locator(".status")).to_have_text("running")
    await expect(page.get_by_text(AWAY)).to_be_visible()
    await expect(page.locator(".line-text")).to_be_hidden()  # nobody knows now whether a worker is there
    async with running_api(Engine(), tmp_path, port=port) as world:
        await expect(page.get_by_text(AWAY)).to_be_hidden()
        await expect(page.locator(".line-text")).to_be_visible()
        await expect(page.locator("[data-banner]")).to_have_text("The API is back.")
        await world.succeed(job, data=picture())
        await visible_picture(page)


async def test_a_submit_into_the_void_is_made_once_when_it_is_tried_again(tmp_path: Path, page: Page) -> None:
    port = free_port()
    async with running_api(Engine(), tmp_path, port=port) as world:
        await page.goto(world.url)

        async def lose_the_answer(route: Route) -> None:
            await route.fetch()
            await route.abort()

        await page.route("**/v1/jobs", lose_the_answer, times=1)
        await page.get_by_label("Prompt (needed)").fill("a single circle")
        await page.get_by_role("button", name="Create", exact=True).click()
        await expect(page.get_by_text("Trying again is safe: it is made once.")).to_be_visible()
        await page.get_by_role("button", name="Try again").click()
        await expect(panel(page).get_by_role("heading", name="a single circle")).to_be_visible()
        assert len(await jobs(world)) == 1


async def test_a_full_queue_is_said_with_a_way_to_try_again(tmp_path: Path, page: Page) -> None:
    async with running_api(Engine(), tmp_path, max_queued=1) as world:
        await world.submit()
        await page.goto(world.url)
        await page.get_by_label("Prompt (needed)").fill("one too many")
        await page.get_by_role("button", name="Create", exact=True).click()
        refusal = page.locator("[data-form-error]")
        await expect(refusal).to_contain_text("holds 1 waiting jobs, its bound (queue_full)")
        await expect(refusal.get_by_role("button", name="Try again")).to_be_visible()


async def test_an_api_with_keys_asks_for_one_and_everything_works_with_it(tmp_path: Path, page: Page) -> None:
    keys = tmp_path / "keys"
    key = create_key(keys, "acme", ("read", "write"), None)
    async with running_api(Engine(), tmp_path, api_keys_file=keys) as world:
        world.http.headers["Authorization"] = f"Bearer {key}"
        await page.goto(world.url)
        await page.get_by_label("API key").fill("evoke_wrong")
        await page.get_by_role("button", name="Use this key").click()
        await expect(page.get_by_text("The API did not accept that key.")).to_be_visible()
        await page.get_by_label("API key").fill(key)
        await page.get_by_role("button", name="Use this key").click()
        job = {**await create(page, world, "a secret circle"), "tenant": "acme"}
        await world.start(job)
        await expect(panel(page).locator(".status")).to_have_text("running")
        await world.succeed(job, data=picture())
        image = await visible_picture(page)
        assert str(await image.get_attribute("src")).startswith("blob:")
        assert key not in await page.evaluate(
            "JSON.stringify(localStorage) + document.cookie + location.href"
        )
        await page.reload()
        await expect(page.locator("#gallery .tile")).to_contain_text("a secret circle")
        await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_a_part_that_the_api_cannot_give_offers_to_try_again(world: World, page: Page) -> None:
    await page.goto(world.url)
    refusal = '<div class="failure" role="alert"><button type="button" data-refresh>Try again</button></div>'
    await page.route("**/console/gallery", lambda route: route.fulfill(body=refusal), times=1)
    await page.evaluate("htmx.trigger(document.body, 'evoke:jobs')")
    await page.locator("#gallery").get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("Nothing has been made yet")).to_be_visible()


async def test_an_unknown_job_is_said_to_be_unknown(world: World, page: Page) -> None:
    await page.goto(f"{world.url}/jobs/01890000-0000-7000-8000-000000000000")
    await expect(page.get_by_role("alert").first).to_contain_text("not_found")
    await expect(page.locator("[data-banner]")).to_be_empty()
