"""Takes the README's pictures of a running system: `python -m tests.end_to_end.console.screenshots URL FOLDER`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright, expect

from tests.end_to_end.console.conftest import ARGUMENTS, CHROMIUM

EARLIER = (
    "a green star on a white background",
    "a yellow triangle above a purple square on a blue background",
)
PROMPT = "a red circle to the left of a blue square on a yellow background"
SEED = "7"


async def take(browser: Browser, url: str, path: Path, prompts: tuple[str, ...], **context: Any) -> None:
    """Make these pictures and save what is seen when the last one is done."""
    visitor = await browser.new_context(**context)
    page = await visitor.new_page()
    await page.goto(url)
    for prompt in prompts:
        await page.get_by_label("Prompt (needed)").fill(prompt)
        await page.locator("#field-seed").evaluate("(field, seed) => { field.value = seed }", SEED)
        await page.get_by_role("button", name="Create", exact=True).click()
        await expect(page.locator(".stage h3")).to_have_text(prompt)
        await expect(page.locator(".stage .status")).to_have_text("succeeded", timeout=90_000)
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(2000)
    await page.screenshot(path=path)
    await visitor.close()


async def main(url: str, folder: Path) -> None:
    """Both pictures, into `folder`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        desktop = {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "light"}
        await take(browser, url, folder / "console.png", (*EARLIER, PROMPT), **desktop)
        phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "device_scale_factor": 2}
        await take(browser, url, folder / "console-phone.png", (PROMPT,), **phone)
        await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    asyncio.run(main(asked.url, asked.folder))
