"""The first page: from a prompt to a picture, and everything that can happen on the way."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.end_to_end.api.world import World, eventually
from tests.end_to_end.console.visit import create, jobs, panel, picture, visible_picture

pytestmark = pytest.mark.browser


async def test_a_submitted_prompt_shows_its_progress_its_preview_and_then_its_picture(
    world: World, page: Page
) -> None:
    await page.goto(world.url)
    await expect(page.get_by_text("What you make appears here")).to_be_visible()
    await expect(page.get_by_text("Nothing has been made yet")).to_be_visible()
    job = await create(page, world, "a red circle")
    await world.start(job)
    await expect(panel(page).locator(".status")).to_have_text("running")

    async def reported() -> bool:
        world.report(job, 8, 20, picture())
        return await panel(page).get_by_text("8 of 20 steps").is_visible()

    await eventually(reported, "progress is shown")
    await expect(panel(page).get_by_alt_text("The work so far")).to_be_visible()
    assert await panel(page).locator("progress").evaluate("bar => bar.value / bar.max") == 0.4
    await world.succeed(job, data=picture())
    image = await visible_picture(page)
    assert await image.get_attribute("alt") == "a red circle"
    await expect(page.locator("#gallery .tile").first).to_contain_text("succeeded")


async def test_the_keyboard_alone_is_enough(world: World, page: Page) -> None:
    await page.goto(world.url)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
    await page.keyboard.press("Enter")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name") == "prompt":
            break
    await page.keyboard.type("a blue star")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.type") == "submit":
            break
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await expect(panel(page).get_by_role("heading", name="a blue star")).to_be_visible()
    assert [job["input"]["prompt"] for job in await jobs(world)] == ["a blue star"]


async def test_control_enter_in_the_prompt_submits(world: World, page: Page) -> None:
    await page.goto(world.url)
    await page.get_by_label("Prompt (needed)").fill("a green square")
    await page.keyboard.press("Control+Enter")
    await expect(panel(page).get_by_role("heading", name="a green square")).to_be_visible()


async def test_what_the_schema_forbids_is_said_at_its_field_before_anything_is_sent(
    world: World, page: Page
) -> None:
    await page.goto(world.url)
    await page.get_by_text("Settings", exact=True).click()
    await page.get_by_label("Steps", exact=True).fill("1000")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.locator("#error-prompt")).to_be_visible()
    await expect(page.locator("#error-steps")).to_contain_text("150")
    assert await page.get_by_label("Prompt (needed)").get_attribute("aria-invalid") == "true"
    assert await page.evaluate("document.activeElement.name") == "prompt"
    assert await jobs(world) == []


async def test_what_the_api_refuses_is_said_at_its_fields(world: World, page: Page) -> None:
    await page.goto(world.url)
    await page.get_by_label("Prompt (needed)").fill("many circles")
    await page.get_by_text("Settings", exact=True).click()
    await page.get_by_label("Pictures per batch").fill("8")
    await page.get_by_label("Batches").fill("8")
    await page.get_by_text("Settings", exact=True).click()
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.locator("#error-batch_size")).to_contain_text("at most 16 pictures")
    await expect(page.locator("#error-n_iters")).to_be_visible()
    assert await page.evaluate("document.activeElement.name") == "batch_size"
    await page.get_by_label("Batches").fill("1")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(panel(page)).to_be_visible()
    await expect(page.locator("#error-batch_size")).to_be_hidden()


async def test_a_waiting_job_says_why_it_waits(world: World, page: Page) -> None:
    for _ in range(3):
        await world.submit()
    await page.goto(world.url)
    await expect(page.get_by_text("No worker is connected; 3 jobs wait")).to_be_visible()
    await create(page, world, "a late circle")
    await expect(panel(page)).to_contain_text("Queued behind 3 others; no worker is connected.")


async def test_a_job_can_be_cancelled(world: World, page: Page) -> None:
    await page.goto(world.url)
    job = await create(page, world, "a circle that nobody wants")
    await panel(page).get_by_role("button", name="Cancel").click()
    await expect(panel(page).locator(".status")).to_have_text("cancelled")
    assert (await world.job(job["id"]))["status"] == "cancelled"
    await expect(page.locator("#gallery .status")).to_have_text("cancelled")


async def test_a_job_is_made_again_with_another_seed(world: World, page: Page) -> None:
    await page.goto(world.url)
    job = await create(page, world, "a red circle")
    await world.start(job)
    await world.succeed(job, data=picture())
    await panel(page).get_by_role("button", name="Again with another seed").click()
    await expect(panel(page).locator(".status")).to_have_text("queued")
    again, first = await jobs(world)
    assert first["id"] == job["id"]
    assert again["input"]["prompt"] == "a red circle"
    assert again["input"]["seed"] not in (-1, 42)


async def test_a_failed_job_says_why_and_can_be_tried_again(world: World, page: Page) -> None:
    await page.goto(world.url)
    job = await create(page, world, "an impossible circle")
    await world.start(job)
    await world.fail(job)
    await expect(panel(page).locator(".failure")).to_contain_text("model_error after 1 attempt")
    await expect(panel(page).locator(".failure")).to_contain_text("broke")
    await panel(page).get_by_role("button", name="Try again").click()
    await expect(panel(page).locator(".status")).to_have_text("queued")
    assert [each["input"] for each in await jobs(world)] == [job["input"]] * 2


async def test_another_model_has_another_form(world: World, page: Page) -> None:
    await page.goto(world.url)
    await page.get_by_label("Model").select_option("factorial")
    await page.get_by_label("Number (needed)").fill("1.5")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.locator("#error-no")).to_be_visible()
    await page.get_by_label("Number (needed)").fill("52")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(panel(page)).to_contain_text("factorial: no = 52")
    assert (await jobs(world))[0]["input"] == {"no": 52}


async def test_the_settings_of_an_earlier_job_begin_a_new_one(world: World, page: Page) -> None:
    job = await world.submit(input={"prompt": "a tall circle", "height": 128, "sampler_name": "ddim"})
    await page.goto(f"{world.url}/?source={job['id']}")
    await expect(page.get_by_label("Prompt (needed)")).to_have_value("a tall circle")
    assert await page.locator("#field-height").input_value() == "128"
    assert await page.locator("#field-sampler_name").input_value() == '"ddim"'


async def test_an_example_fills_the_prompt(world: World, page: Page) -> None:
    await page.goto(world.url)
    await page.get_by_role("button", name="Try a red circle").click()
    await expect(page.get_by_label("Prompt (needed)")).to_have_value(
        "a red circle to the left of a blue square on a yellow background"
    )


async def test_text_is_shown_as_text_and_never_run(world: World, page: Page) -> None:
    evil = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
    await page.goto(world.url)
    job = await create(page, world, evil)
    await world.start(job)
    await world.succeed(job, data=(evil * 1000).encode(), media_type="text/plain", name="0.txt")
    await expect(panel(page).locator("[data-text]")).to_contain_text("<script>document.title='run'</script>")
    await expect(panel(page).locator("[data-text]")).to_contain_text("the first 64 KiB")
    assert await page.title() == "Create · evoke"
    assert await page.locator("img[src=x]").count() == 0


async def test_sound_gets_a_player_and_what_could_run_only_a_link(world: World, page: Page) -> None:
    await page.goto(world.url)
    job = await create(page, world, "a sound")
    await world.start(job)
    await world.succeed(job, data=b"RIFF", media_type="audio/wav", name="0.wav")
    await expect(panel(page).locator("audio[controls]")).to_be_visible()
    job = await create(page, world, "a page")
    await world.start(job)
    await world.succeed(job, data=b"<h1>run me</h1>", media_type="text/html", name="0.html")
    await expect(panel(page).get_by_role("link", name="Save 0.html")).to_be_visible()
    await expect(page.get_by_text("run me")).to_have_count(0)
