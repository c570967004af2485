"""A job's life as a stream, by server-sent events and by WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.end_to_end.api.world import DEADLINE_S, World, eventually, running_api
from tests.stack.engines import Engine

Message = dict[str, Any]


class Stream:
    """An open stream; `next` gives one message after the other, None at its end."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> Message | None:
        async with asyncio.timeout(DEADLINE_S):
            return await self._read()

    async def _read(self) -> Message | None:
        fields: dict[str, str] = {}
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if line == "" and "event" in fields:
                return {**fields, "data": json.loads(fields["data"])}
            if name in ("id", "event", "data"):
                fields[name] = value
        return None

    async def rest(self) -> list[Message]:
        messages = []
        while (message := await self.next()) is not None:
            messages.append(message)
        return messages


@asynccontextmanager
async def following(world: World, job: Message, last: str | None = None) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last} if last else {}
    url = f"/v1/jobs/{job['id']}/events"
    async with world.http.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.aiter_lines())


def names(messages: list[Message]) -> list[str]:
    return [message["event"] for message in messages]


async def test_a_finished_job_is_told_from_its_beginning_to_its_end(world: World) -> None:
    job = await world.submit()
    await world.start(job)
    await world.fail_attempt(job)
    await world.start(job, "attempt-2")
    await world.succeed(job, data=b"bytes")
    async with following(world, job) as stream:
        messages = await stream.rest()
    assert names(messages) == [
        "requested",
        "attempt_started",
        "attempt_failed",
        "attempt_started",
        "succeeded",
    ]
    assert [m["data"]["status"] for m in messages] == ["queued", "running", "queued", "running", "succeeded"]
    assert messages[-1]["data"]["artifacts"][0]["url"] == f"/v1/jobs/{job['id']}/artifacts/0"


async def test_a_stream_goes_on_while_the_job_lives_and_ends_with_it(world: World) -> None:
    job = await world.submit()
    async with following(world, job) as stream:
        assert (await stream.next() or {})["event"] == "requested"
        await world.start(job)
        assert (await stream.next() or {})["event"] == "attempt_started"
        await world.succeed(job)
        assert names(await stream.rest()) == ["succeeded"]


async def test_progress_and_previews_are_passed_on_with_the_id_of_the_event_before(world: World) -> None:
    job = await world.submit()
    async with following(world, job) as stream:
        first = await stream.next() or {}
        seen: dict[str, Message] = {}

        async def reported() -> bool:
            world.report(job, 3, 20, preview=b"\xff\xd8picture")
            message = await stream.next() or {}
            seen[message["event"]] = message
            return {"progress", "log", "preview"} <= seen.keys()

        await eventually(reported, "progress arrived")
    assert seen["progress"]["data"] == {"attempt": 1, "step": 3, "total": 20, "unit": "steps"}
    assert seen["log"]["data"] == {"text": "step 3"}
    assert seen["preview"]["data"] == {"media_type": "image/jpeg", "data": "/9hwaWN0dXJl"}
    assert seen["progress"]["id"] == first["id"]


async def test_a_stream_resumes_after_every_event_without_loss_or_repetition(world: World) -> None:
    job = await world.submit()
    await world.start(job)
    await world.fail_attempt(job)
    await world.succeed(job)
    async with following(world, job) as stream:
        messages = await stream.rest()
    for number, message in enumerate(messages[:-1]):
        async with following(world, job, message["id"]) as stream:
            assert await stream.rest() == messages[number + 1 :]


async def test_a_stream_resumes_in_another_process_and_from_the_archive(
    tmp_path: Path, engine: Engine
) -> None:
    async with running_api(engine, tmp_path) as world:
        job = await world.submit()
        await world.start(job)
        async with following(world, job) as stream:
            first = await stream.next() or {}
        await world.archive()
    async with running_api(engine, tmp_path) as world:
        async with following(world, job, first["id"]) as stream:
            assert (await stream.next() or {})["event"] == "attempt_started"
            await world.succeed(job)
            assert names(await stream.rest()) == ["succeeded"]
        await world.archive()
    async with running_api(engine, tmp_path) as world:
        assert world.context.view.get("default", job["id"]) is None
        async with following(world, job, first["id"]) as stream:
            assert names(await stream.rest()) == ["attempt_started", "succeeded"]


async def test_when_all_was_seen_the_answer_tells_a_browser_to_stop(world: World) -> None:
    job = await world.submit()
    await world.succeed(job)
    async with following(world, job) as stream:
        last = (await stream.rest())[-1]["id"]
    answer = await world.http.get(f"/v1/jobs/{job['id']}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_made_up_id_is_refused(world: World) -> None:
    job = await world.submit()
    for token in ("nonsense", "AAAA", "%%%"):
        answer = await world.http.get(f"/v1/jobs/{job['id']}/events", headers={"Last-Event-ID": token})
        assert answer.status_code == 422


async def test_a_client_that_leaves_is_forgotten(world: World) -> None:
    job = await world.submit()
    watchers = world.context.view.watchers
    async with following(world, job) as stream:
        await stream.next()
        assert len(watchers) == 1

    async def nobody_watches() -> bool:
        return len(watchers) == 0

    await eventually(nobody_watches, "the watcher is gone")


async def test_a_client_that_does_not_read_misses_no_event_and_holds_up_nobody(world: World) -> None:
    job = await world.submit()
    async with following(world, job) as slow:
        await slow.next()
        await world.start(job)
        for step in range(500):
            world.report(job, step, 500, preview=bytes(20_000))
        await world.succeed(job)
        assert (await world.job(job["id"]))["status"] == "succeeded"
        told = names(await slow.rest())
    assert [name for name in told if name in ("attempt_started", "succeeded")] == [
        "attempt_started",
        "succeeded",
    ]


async def test_the_api_stops_while_streams_are_open(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path) as world:
        job = await world.submit()
        async with httpx.AsyncClient(base_url=world.url, timeout=DEADLINE_S) as other:
            request = other.build_request("GET", f"/v1/jobs/{job['id']}/events")
            answer = await other.send(request, stream=True)
            reading = asyncio.create_task(answer.aread())
            await asyncio.sleep(0.1)
            world.context.closing.set()
            world.context.view.watchers.wake_all()
            assert b"event: requested" in await reading


@pytest.mark.parametrize("path", ["events", "events/ws"])
async def test_a_websocket_tells_the_same_and_closes(world: World, path: str) -> None:
    job = await world.submit()
    await world.start(job)
    url = f"{world.url.replace('http', 'ws')}/v1/jobs/{job['id']}/{path}"
    async with websockets.connect(url) as socket:
        first = json.loads(await socket.recv())
        assert first["event"] == "requested"
        assert json.loads(await socket.recv())["data"]["status"] == "running"
        await world.succeed(job)
        assert [json.loads(text)["event"] async for text in socket] == ["succeeded"]
    async with websockets.connect(f"{url}?last_event_id={first['id']}") as socket:
        assert [json.loads(text)["event"] async for text in socket] == ["attempt_started", "succeeded"]


async def test_a_websocket_for_an_unknown_job_is_closed_with_a_reason(world: World) -> None:
    url = f"{world.url.replace('http', 'ws')}/v1/jobs/unknown/events/ws"
    async with websockets.connect(url) as socket:
        with pytest.raises(websockets.ConnectionClosedError):
            await socket.recv()
    assert socket.close_code == 4404
