"""What a visitor does and sees, in words that the tests share."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.end_to_end.api.world import World, eventually

expect.set_options(timeout=30_000)


def picture(red: int = 200, side: int = 8) -> bytes:
    """A PNG of one colour (RFC 2083)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((red, 30, 30)) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def panel(page: Page) -> Locator:
    """The job in the stage."""
    return page.locator(".stage .panel")


async def create(page: Page, world: World, prompt: str) -> dict[str, Any]:
    """Type a prompt on the open page, submit it, and return the job that came of it."""
    await page.get_by_label("Prompt (needed)").fill(prompt)
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(panel(page).get_by_role("heading", name=prompt)).to_be_visible()
    return await world.job(str(await panel(page).get_attribute("data-job")))


async def visible_picture(page: Page) -> Locator:
    """The stage's picture, once its bytes are there and are a picture."""
    image = panel(page).locator("img.picture")
    await expect(image).to_be_visible()
    await eventually(
        lambda: image.evaluate("image => image.complete && image.naturalWidth > 0"), "the picture loads"
    )
    return image


async def jobs(world: World) -> list[dict[str, Any]]:
    """All jobs, newest first."""
    answer = await world.http.get("/v1/jobs")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
