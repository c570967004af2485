"""Downloads from the store itself: an API whose artifacts lie in a real S3 server, and that gives URLs of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from cli.connection import Connection
from evoke.bootstrap import open_blob_store
from evoke.settings import load_settings
from services.api.application import create_application
from services.api.bootstrap import open_context
from services.api.server import listen, serve_http
from tests.end_to_end.api.world import World
from tests.stack.servers import PrivateStack

pytestmark = pytest.mark.distributed

DATA = bytes(range(256)) * 100
HTML = b"<script>alert(1)</script>"


@pytest.fixture
async def world(
    tmp_path: Path, servers: PrivateStack, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    servers.start("versitygw")
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    settings = load_settings({"data_dir": tmp_path / "data", "port": 0})
    store = await open_blob_store(
        load_settings({"engine": "distributed", **servers.settings(), "s3_presigned": True})
    )
    bound = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    stop = asyncio.Event()
    async with open_context(settings) as opened, asyncio.TaskGroup() as tasks:
        context = replace(opened, blobs=store)
        following = tasks.create_task(context.follower.run())
        serving = tasks.create_task(serve_http(create_application(context, ()), context, stop, bound))
        await asyncio.wait_for(context.follower.ready.wait(), 20)
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            yield World(context, http, url)
        stop.set()
        await serving
        following.cancel()
    await store.close()


async def finished(world: World, data: bytes, media_type: str, name: str) -> str:
    job = await world.submit()
    await world.succeed(job, data=data, media_type=media_type, name=name)
    return f"/v1/jobs/{job['id']}/artifacts/0"


async def test_who_downloads_is_sent_to_the_store_and_needs_no_key_of_it(world: World) -> None:
    answer = await world.http.get(await finished(world, DATA, "image/png", "0.png"))
    assert (answer.status_code, answer.content) == (307, b"")
    async with httpx.AsyncClient() as anybody:
        there = await anybody.get(answer.headers["location"])
    assert (there.status_code, there.content) == (200, DATA)
    assert there.headers["content-type"] == "image/png"
    assert there.headers["content-disposition"].startswith('inline; filename="0.png"')


async def test_what_could_run_in_a_browser_is_for_saving_there_too(world: World) -> None:
    answer = await world.http.get(await finished(world, HTML, "text/html", "x.html"), follow_redirects=True)
    assert answer.content == HTML
    assert answer.headers["content-disposition"].startswith("attachment;")


async def test_the_url_of_one_output_opens_no_other(world: World) -> None:
    one = await world.http.get(await finished(world, DATA, "image/png", "0.png"))
    other = await world.http.get(await finished(world, HTML, "image/png", "1.png"))
    swapped = httpx.URL(one.headers["location"]).copy_with(path=httpx.URL(other.headers["location"]).path)
    async with httpx.AsyncClient() as anybody:
        assert (await anybody.get(swapped)).status_code == 403


async def test_a_page_of_the_apis_own_gets_the_bytes(world: World) -> None:
    path = await finished(world, DATA, "image/png", "0.png")
    answer = await world.http.get(path, headers={"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.content) == (200, DATA)
    head = await world.http.head(path)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(DATA)))


async def test_the_command_line_follows_to_the_store(world: World, tmp_path: Path) -> None:
    path = await finished(world, DATA, "image/png", "0.png")
    target = tmp_path / "0.png"
    with Connection(world.url) as connection:
        await asyncio.to_thread(connection.download, path, target, hashlib.sha256(DATA).hexdigest())
    assert target.read_bytes() == DATA
