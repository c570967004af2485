"""Outputs as bytes: whole, in parts, once only, and harmless in a browser."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.end_to_end.api.world import World, running_api
from tests.stack.engines import Engine

DATA = bytes(range(256)) * 20


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> AsyncIterator[World]:
    """One for all: each test has a job of its own."""
    async with running_api(engine, tmp_path_factory.mktemp("artifacts")) as found:
        yield found


async def finished(world: World, **output: Any) -> str:
    job = await world.submit()
    await world.succeed(job, **{"data": DATA, **output})
    return f"/v1/jobs/{job['id']}/artifacts/0"


async def test_the_bytes_come_with_their_type_and_digest(world: World) -> None:
    url = await finished(world)
    answer = await world.http.get(url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["etag"] == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert answer.headers["accept-ranges"] == "bytes"


async def test_a_head_tells_the_same_without_the_bytes(world: World) -> None:
    url = await finished(world)
    head, get = await world.http.head(url), await world.http.get(url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5000-", 5000, 5120),
        ("bytes=-20", 5100, 5120),
        ("bytes=100-99999", 100, 5120),
    ],
)
async def test_a_range_gives_that_part(world: World, asked: str, start: int, end: int) -> None:
    answer = await world.http.get(await finished(world), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "lines=0-1", "bytes=9-1", "bytes=-", "bytes=a-b", "nonsense"]
)
async def test_a_range_that_is_none_gives_the_whole(world: World, asked: str) -> None:
    answer = await world.http.get(await finished(world), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("asked", ["bytes=5120-", "bytes=999999-1000000", "bytes=-0"])
async def test_a_range_beyond_the_bytes_is_416(world: World, asked: str) -> None:
    answer = await world.http.get(await finished(world), headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


async def test_if_range_gives_the_part_of_the_same_bytes_only(world: World) -> None:
    url = await finished(world)
    tag = (await world.http.head(url)).headers["etag"]
    same = await world.http.get(url, headers={"Range": "bytes=0-9", "If-Range": tag})
    other = await world.http.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


async def test_what_a_client_has_is_not_sent_again(world: World) -> None:
    url = await finished(world)
    tag = (await world.http.head(url)).headers["etag"]
    answer = await world.http.get(url, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", "inline"),
        ("audio/wav", "inline"),
        ("text/plain", "inline"),
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        ("application/octet-stream", "attachment"),
    ],
)
async def test_nothing_that_could_run_is_shown(world: World, media_type: str, kind: str) -> None:
    answer = await world.http.get(await finished(world, media_type=media_type))
    assert answer.headers["content-disposition"].startswith(kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_name_and_a_type_from_a_model_break_no_header(world: World) -> None:
    name = 'a"b\r\nSet-Cookie: x=1\r\n\u00e9.png'
    answer = await world.http.get(await finished(world, name=name, media_type="image/png\r\nX-Bad: 1"))
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "x-bad" not in answer.headers
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_an_empty_output_has_no_bytes(world: World) -> None:
    job = await world.submit()
    await world.succeed(job)
    assert (await world.http.get(f"/v1/jobs/{job['id']}/artifacts")).json() == {"items": []}
    assert (await world.http.get(f"/v1/jobs/{job['id']}/artifacts/0")).status_code == 404


@pytest.mark.parametrize("number", ["1", "-1", "x", "00000000000", "\u00b2"])
async def test_an_output_that_is_not_there_is_404(world: World, number: str) -> None:
    url = await finished(world)
    assert (await world.http.get(f"{url[:-1]}{number}")).status_code == 404


async def test_bytes_that_are_gone_are_404(world: World) -> None:
    url = await finished(world)
    await world.context.blobs.delete(f"default/{url.split('/')[3]}/")
    assert (await world.http.get(url)).status_code == 404
