"""Same key and body, same job: from any process, however many ask at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from evoke.codec import decode
from evoke.domain.events import Requested
from evoke.domain.topics import logged
from tests.end_to_end.api.world import MODEL, PROMPT, QUEUE, World, running_api
from tests.stack.engines import Engine

BODY: dict[str, Any] = {"model": MODEL, "input": PROMPT}


async def submissions(world: World) -> list[Requested]:
    """Every submission in the log."""
    entries = [
        entry for topic in logged(QUEUE)[:2] for entry in await world.context.log.read(topic, None, 10_000)
    ]
    events = [decode(entry.payload) for entry in entries]
    return [event for event in events if isinstance(event, Requested)]


async def keyed(world: World, key: str = "order-1", body: dict[str, Any] | None = None) -> Any:
    return await world.http.post("/v1/jobs", json=body or BODY, headers={"Idempotency-Key": key})


async def test_the_same_key_gives_the_same_job_and_appends_nothing(world: World) -> None:
    first, second = await keyed(world), await keyed(world)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(await submissions(world)) == 1


async def test_the_order_of_names_in_the_body_does_not_matter(world: World) -> None:
    one = await keyed(world, body={"model": MODEL, "input": {"prompt": "a", "steps": 3}})
    other = await keyed(world, body={"input": {"steps": 3, "prompt": "a"}, "model": MODEL})
    assert one.json()["id"] == other.json()["id"]


async def test_another_body_under_the_same_key_is_refused(world: World) -> None:
    await keyed(world)
    answer = await keyed(world, body={"model": MODEL, "input": {"prompt": "something else"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert len(await submissions(world)) == 1


async def test_different_keys_give_different_jobs(world: World) -> None:
    assert (await keyed(world, "a")).json()["id"] != (await keyed(world, "b")).json()["id"]


async def test_of_fifty_equal_submits_at_once_one_job_runs(world: World) -> None:
    answers = await asyncio.gather(*(keyed(world) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await submissions(world)) == 1


async def test_of_fifty_equal_submits_to_two_processes_one_job_runs(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path) as one, running_api(engine, tmp_path) as other:
        answers = await asyncio.gather(*(keyed(world) for world in (one, other) * 25))
        assert {answer.status_code for answer in answers} == {202}
        winners = {answer.json()["id"] for answer in answers}
        assert len(winners) == 1
        for event in await submissions(one):
            job = await one.job(event.job_id)
            if event.job_id in winners:
                assert job["status"] == "queued"
            else:
                assert (job["status"], job["superseded_by"]) == ("cancelled", next(iter(winners)))


async def test_two_processes_that_race_with_different_bodies_accept_one(
    tmp_path: Path, engine: Engine
) -> None:
    async with running_api(engine, tmp_path) as one, running_api(engine, tmp_path) as other:
        changed = {"model": MODEL, "input": {"prompt": "something else"}}
        answers = await asyncio.gather(keyed(one), keyed(other, body=changed))
        assert sorted(answer.status_code for answer in answers) == [202, 422]


@pytest.mark.parametrize("archived", [False, True])
async def test_a_key_is_known_after_a_restart(tmp_path: Path, archived: bool, engine: Engine) -> None:
    async with running_api(engine, tmp_path) as world:
        job = (await keyed(world)).json()
        await world.succeed(job)
        if archived:
            await world.archive()
    async with running_api(engine, tmp_path) as world:
        answer = await keyed(world)
        assert (answer.json()["id"], answer.json()["status"]) == (job["id"], "succeeded")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "evoke:replay:1", "k\u00e9y"])
async def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    answer = await world.http.post("/v1/jobs", json=BODY, headers={b"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
