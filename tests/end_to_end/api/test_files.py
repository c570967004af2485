"""Files: uploaded once, kept, named by inputs, and nobody else's."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evoke.codec import decode
from evoke.domain.events import Requested
from evoke.domain.topics import requested
from services.api.key_file import create_key
from tests.end_to_end.api.world import MODEL, World, eventually, running_api
from tests.stack.engines import Engine

LIMIT = 100_000
DOORS = {"/v1/jobs": "input", "/images/": "generation_settings"}


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> AsyncIterator[World]:
    """One for all: each test has files of its own."""
    folder = tmp_path_factory.mktemp("files")
    async with running_api(engine, folder, max_file_bytes=LIMIT, max_uploads_bytes=3 * LIMIT) as found:
        yield found


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), shade).save(buffer, "PNG")
    return buffer.getvalue()


async def upload(world: World, data: bytes, **options: Any) -> dict[str, Any]:
    answer = await world.http.post("/v1/files", content=data, **options)
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.json()
    return said


def body(door: str, **fields: Any) -> dict[str, Any]:
    value = {"prompt": "a red circle", **fields}
    if door == "/images/":
        return {"generation_settings": {"model": MODEL, **value}}
    return {"model": MODEL, "input": value}


async def requested_of(world: World, job_id: str) -> Requested:
    found = world.context.view.get("default", job_id)
    assert found is not None
    job = found.fold()
    assert job.requested is not None
    return job.requested


async def test_an_upload_is_told_by_its_bytes_and_read_back(world: World) -> None:
    data = png(1)
    said = await upload(world, data, headers={"content-type": "text/html"})
    digest = hashlib.sha256(data).hexdigest()
    assert (said["id"], said["sha256"], said["size_bytes"]) == (digest, digest, len(data))
    assert (said["media_type"], said["reference"]) == ("image/png", f"file:{digest}")
    assert (await world.http.get(f"/v1/files/{digest}")).json() == said
    content = await world.http.get(said["url"])
    assert (content.content, content.headers["content-type"]) == (data, "image/png")
    part = await world.http.get(said["url"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, data[:4])


async def test_a_form_brings_its_file_and_the_same_bytes_have_the_same_id(world: World) -> None:
    data = png(2)
    form = await world.http.post("/v1/files", files={"file": ("../../a.exe", data, "application/x-dosexec")})
    assert form.status_code == 201
    assert form.headers["location"] == f"/v1/files/{form.json()['id']}"
    assert await upload(world, data) == form.json()


async def test_two_uploads_of_the_same_bytes_at_once_are_both_answered(world: World) -> None:
    data = png(3)
    found = await asyncio.gather(*(upload(world, data) for _ in range(5)))
    assert found == [found[0]] * 5


async def test_what_could_run_is_mere_bytes_and_never_shown(world: World) -> None:
    said = await upload(world, b"<html><script>alert(1)</script>", headers={"content-type": "text/html"})
    assert said["media_type"] == "application/octet-stream"
    content = await world.http.get(said["url"])
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["content-disposition"].startswith("attachment")
    assert content.headers["x-content-type-options"] == "nosniff"


async def test_an_upload_that_is_empty_too_large_or_no_form_is_refused(world: World) -> None:
    empty = await world.http.post("/v1/files", content=b"")
    assert (empty.status_code, empty.json()["errors"][0]["field"]) == (422, "file")
    large = await world.http.post("/v1/files", content=b"x" * (LIMIT + 1))
    assert (large.status_code, str(LIMIT) in large.json()["detail"]) == (413, True)
    other = await world.http.post("/v1/files", files={"other": b"x"})
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "file")
    broken = await world.http.post(
        "/v1/files", content=b"x", headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert broken.status_code in (400, 422)
    assert (await upload(world, b"x" * LIMIT))["size_bytes"] == LIMIT


async def test_uploads_hold_no_more_memory_than_they_may_and_others_are_served_meanwhile(
    world: World,
) -> None:
    go_on = asyncio.Event()

    async def slowly(shade: bytes) -> AsyncIterator[bytes]:
        yield shade * (LIMIT - 1)
        await go_on.wait()
        yield shade

    slow = [
        asyncio.create_task(world.http.post("/v1/files", content=slowly(shade)))
        for shade in (b"1", b"2", b"3")
    ]
    held = world.context.uploads
    await eventually(lambda: _as_true(held.held_bytes == 3 * (LIMIT - 1)), "three uploads are held")
    refused = await world.http.post("/v1/files", content=b"0000")
    assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (503, True)
    assert (await world.http.post("/v1/jobs", json=body("/v1/jobs"))).status_code == 202
    go_on.set()
    assert [(await each).status_code for each in slow] == [201] * 3
    assert held.held_bytes == 0
    await upload(world, b"0000")


async def _as_true(holds: bool) -> bool:
    return holds


@pytest.mark.parametrize("file_id", ["0f" * 32, "unknown", "..%2f..%2fdefault", "0F" * 32])
async def test_a_file_that_is_not_there_is_404(world: World, file_id: str) -> None:
    assert (await world.http.get(f"/v1/files/{file_id}")).status_code == 404
    assert (await world.http.get(f"/v1/files/{file_id}/content")).status_code == 404


@pytest.mark.parametrize("door", DOORS)
async def test_a_job_takes_the_files_that_its_input_names(world: World, door: str) -> None:
    picture, mask = await upload(world, png(10)), await upload(world, png(11))
    named = {"init_image": picture["reference"], "mask": mask["reference"]}
    answer = await world.http.post(door, json=body(door, **named))
    assert answer.status_code == 202, answer.text
    asked = await requested_of(world, answer.json()["id"])
    assert [(file.name, file.sha256) for file in asked.files] == [
        ("init_image", picture["sha256"]),
        ("mask", mask["sha256"]),
    ]
    assert asked.input["init_image"] == picture["reference"]
    for file in asked.files:
        assert (await world.context.blobs.stat(file.key)).size_bytes == file.size_bytes


async def test_a_job_takes_an_output_of_an_earlier_one(world: World) -> None:
    earlier = await world.submit()
    await world.succeed(earlier, data=png(20))
    job = await world.submit(input={"prompt": "a", "init_image": f"job:{earlier['id']}/0", "strength": 0.5})
    (file,) = (await requested_of(world, job["id"])).files
    assert (file.name, file.media_type, file.sha256) == (
        "init_image",
        "image/png",
        hashlib.sha256(png(20)).hexdigest(),
    )
    assert b"".join([chunk async for chunk in world.context.blobs.read(file.key)]) == png(20)


@pytest.mark.parametrize("door", DOORS)
async def test_a_name_of_no_file_is_422_and_says_which_field(world: World, door: str) -> None:
    waiting = await world.submit()
    ended = await world.submit()
    await world.succeed(ended, data=png(30))
    sound = await upload(world, b"fLaC" + bytes(100))
    texts = {
        "nonsense": "must be file:ID",
        f"file:{'0f' * 32}": "there is no file",
        f"job:{waiting['id']}/0": "is queued",
        f"job:{ended['id']}/1": "has 1 outputs",
        "job:019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f/0": "there is no job",
        sound["reference"]: "it must be image/png or image/jpeg or image/webp",
    }
    for text, reason in texts.items():
        answer = await world.http.post(door, json=body(door, init_image=text))
        assert answer.status_code == 422, text
        assert answer.json()["errors"][0]["field"] == f"{DOORS[door]}.init_image"
        assert reason in answer.json()["errors"][0]["message"]


async def test_an_output_that_is_larger_than_a_file_may_be_is_422(world: World) -> None:
    earlier = await world.submit()
    await world.succeed(earlier, data=bytes(LIMIT + 1))
    answer = await world.http.post("/v1/jobs", json=body("/v1/jobs", init_image=f"job:{earlier['id']}/0"))
    assert answer.status_code == 422
    assert str(LIMIT) in answer.json()["errors"][0]["message"]


async def test_a_file_and_an_output_of_another_tenant_are_not_there(tmp_path: Path, engine: Engine) -> None:
    keys = tmp_path / "keys"
    headers = {
        tenant: {"authorization": f"Bearer {create_key(keys, tenant, ('read', 'write'), None)}"}
        for tenant in ("ours", "theirs")
    }
    async with running_api(engine, tmp_path / "data", api_keys_file=keys) as world:
        file = await upload(world, png(40), headers=headers["theirs"])
        job = await world.http.post("/v1/jobs", json=body("/v1/jobs"), headers=headers["theirs"])
        for path in (f"/v1/files/{file['id']}", file["url"]):
            assert (await world.http.get(path, headers=headers["theirs"])).status_code == 200
            assert (await world.http.get(path, headers=headers["ours"])).status_code == 404
        for reference in (file["reference"], f"job:{job.json()['id']}/0"):
            asked = body("/v1/jobs", init_image=reference)
            answer = await world.http.post("/v1/jobs", json=asked, headers=headers["ours"])
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == "input.init_image"
            assert "there is no" in answer.json()["errors"][0]["message"]


async def test_an_upload_needs_a_key_that_may_write(tmp_path: Path, engine: Engine) -> None:
    keys = tmp_path / "keys"
    key = create_key(keys, "ours", ("read",), None)
    async with running_api(engine, tmp_path / "data", api_keys_file=keys) as world:
        assert (await world.http.post("/v1/files", content=b"x")).status_code == 401
        refused = await world.http.post("/v1/files", content=b"x", headers={"authorization": f"Bearer {key}"})
        assert refused.status_code == 403


async def test_a_replay_and_the_log_name_the_same_file(world: World) -> None:
    file = await upload(world, png(50))
    job = await world.submit(input={"prompt": "a", "init_image": file["reference"]})
    asked = await requested_of(world, job["id"])
    topic = requested(asked.queue, asked.lane, 0)
    entries = await world.context.log.read(topic, None, 1000)
    (event,) = [event for entry in entries if (event := decode(entry.payload)).job_id == job["id"]]
    assert isinstance(event, Requested)
    assert event.files == asked.files
    await world.dead_letter(job, "letter-1")
    replayed = await world.http.post("/v1/dlq/letter-1/replay")
    assert replayed.status_code == 202, replayed.text
    assert (await requested_of(world, replayed.json()["job_id"])).files == asked.files
