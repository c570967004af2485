"""That everybody can use the pages: any width, any colours, a screen reader, no other host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.end_to_end.api.world import World
from tests.end_to_end.console.visit import create, panel, picture

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
PHONE = {"width": 390, "height": 844}


async def lived_in(world: World) -> list[str]:
    """Some jobs of every kind; returns the addresses of all pages worth looking at."""
    done, failed, waiting = [await world.submit(input={"prompt": "a circle " * 9}) for _ in range(3)]
    await world.start(done)
    await world.succeed(done, data=picture())
    await world.start(failed)
    await world.fail(failed)
    await world.dead_letter(failed, "letter-1")
    ids = [job["id"] for job in (done, failed, waiting)]
    return [
        "/",
        *(f"/jobs/{each}" for each in ids),
        f"/?source={ids[0]}",
        "/jobs",
        "/queues",
        "/dead-letters",
    ]


async def broken_rules(page: Page) -> list[str]:
    """What axe-core finds, as `rule: element`."""
    await page.evaluate(AXE)
    found: dict[str, Any] = await page.evaluate("axe.run({resultTypes: ['violations']})")
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_no_page_breaks_a_rule_of_accessibility(world: World, page: Page, colours: Any) -> None:
    await page.emulate_media(color_scheme=colours, reduced_motion="reduce")
    for address in await lived_in(world):
        await page.goto(world.url + address)
        for settings in await page.locator("details").all():
            await settings.evaluate("each => { each.open = true }")
        assert await broken_rules(page) == [], address


async def test_no_page_scrolls_sideways_on_a_phone(world: World, page: Page) -> None:
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    for address in await lived_in(world):
        await page.goto(world.url + address)
        wide = await page.evaluate(
            """[...document.querySelectorAll('body *')]
                .filter(each => !each.closest('.unseen, .scroll, pre, .skip'))
                .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
                .map(each => each.outerHTML.slice(0, 200))"""
        )
        assert wide == [], address
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address


async def test_on_a_phone_every_figure_of_a_queue_is_in_sight_with_its_name(world: World, page: Page) -> None:
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await page.goto(f"{world.url}/queues")
    row = page.get_by_role("row", name="txt2img_generation")
    await expect(row.get_by_role("cell")).to_have_count(6)
    seen = await row.get_by_role("cell").evaluate_all(
        """cells => cells.map(cell => [getComputedStyle(cell, '::before').content,
                                       cell.getBoundingClientRect().right <= innerWidth])"""
    )
    names = ["Workers", "Running", "Waiting", "In bulk", "To be tried again", "Oldest waits"]
    assert seen == [[f'"{name}"', True] for name in names]


async def test_a_label_stays_beside_its_field_at_any_width(world: World, page: Page) -> None:
    for width in (320, PHONE["width"], 700, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.goto(f"{world.url}/jobs")
        for name in ("Status", "Model"):
            label = await page.locator("#filter-form label", has_text=name).bounding_box()
            field = await page.get_by_label(name).bounding_box()
            assert label is not None
            assert field is not None
            assert field["y"] <= label["y"] + label["height"] / 2 <= field["y"] + field["height"], (
                width,
                name,
            )


async def test_the_head_of_the_page_lines_up_with_what_is_below(world: World, page: Page) -> None:
    for width in (PHONE["width"], 1280, 1920):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.goto(f"{world.url}/jobs")
        brand = await page.locator(".brand").bounding_box()
        heading = await page.locator("h1").bounding_box()
        assert brand is not None
        assert heading is not None
        assert abs(brand["x"] - heading["x"]) <= 1, width


async def test_the_colours_follow_the_system_until_somebody_chooses(world: World, page: Page) -> None:
    await page.emulate_media(color_scheme="dark")
    await page.goto(world.url)
    dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.emulate_media(color_scheme="light")
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    toggle = page.get_by_role("button", name="Colours:")
    await toggle.click()
    await toggle.click()
    await expect(toggle).to_have_accessible_name("Colours: dark")
    await page.reload()
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


async def test_nothing_comes_from_another_host_and_the_policy_is_kept(world: World, page: Page) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "console",
        lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None,
    )
    for address in await lived_in(world):
        await page.goto(world.url + address)
        await expect(page.locator("main")).to_be_visible()
    assert [url for url in asked if not url.startswith((world.url, "data:", "blob:"))] == []
    assert complaints == []
    await page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')"
    )
    await page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )
    assert await page.evaluate("window.ran") is None


async def test_changes_are_announced_to_screen_readers(world: World, page: Page) -> None:
    job = await world.submit(input={"prompt": "a red circle"})
    await page.goto(f"{world.url}/jobs/{job['id']}")
    await expect(page.locator("[data-timeline] li")).to_have_count(1)
    await world.start(job)
    await expect(page.locator("[data-announcer][aria-live=polite]")).to_contain_text("a red circle: running")


async def test_without_javascript_the_jobs_can_still_be_read(world: World, browser: Browser) -> None:
    job = await world.submit(input={"prompt": "a red circle"})
    await world.start(job)
    await world.succeed(job, data=picture())
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(world.url)
    await page.get_by_role("link", name="a red circle").click()
    await expect(panel(page).locator("img.picture")).to_be_visible()
    await expect(panel(page)).to_contain_text("succeeded")
    await context.close()


async def test_on_a_phone_the_new_job_comes_into_sight(world: World, page: Page) -> None:
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await page.goto(world.url)
    await create(page, world, "a red circle")
    await expect(panel(page).locator(".status")).to_be_in_viewport()
