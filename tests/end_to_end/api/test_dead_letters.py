"""Dead letters: seen, read back, replayed once, purged."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import msgspec

from evoke.codec import encode
from evoke.domain.errors import ErrorClass
from evoke.domain.events import Requested
from evoke.domain.topics import requested
from tests.end_to_end.api.test_jobs import walk
from tests.end_to_end.api.world import MODEL, QUEUE, World, running_api
from tests.stack.engines import Engine


async def buried(world: World, letter_id: str = "letter-1", **how: Any) -> dict[str, Any]:
    """A job that failed for good and whose request was put aside."""
    job = await world.submit(metadata={"grouping": "g"})
    await world.dead_letter(job, letter_id, **how)
    await world.fail(job, ErrorClass.POISON)
    return job


async def letters(world: World, **query: Any) -> list[str]:
    return [item["id"] for item in (await world.http.get("/v1/dlq", params=query)).json()["items"]]


async def test_a_letter_is_listed_with_its_error(world: World) -> None:
    job = await buried(world)
    page = (await world.http.get("/v1/dlq")).json()
    (letter,) = page["items"]
    assert (letter["id"], letter["job_id"], letter["model"], letter["attempts"]) == (
        "letter-1",
        job["id"],
        MODEL,
        3,
    )
    assert letter["error"] == {"code": "poison", "message": "it ended its worker"}
    assert (page["total"], page["next"]) == (1, None)


async def test_letters_are_filtered_and_paged_newest_first(world: World) -> None:
    for number in range(5):
        await buried(world, f"letter-{number}")
    assert await walk(world.http, "/v1/dlq", limit=2) == [f"letter-{n}" for n in (4, 3, 2, 1, 0)]
    assert len(await letters(world, error="poison", queue=QUEUE)) == 5
    assert await letters(world, error="storage") == []
    assert await letters(world, queue="other") == []
    assert (await world.http.get("/v1/dlq", params={"error": "unheard"})).status_code == 422


async def test_a_letter_shows_the_raw_bytes_of_its_request(world: World) -> None:
    job = await buried(world)
    seen = (await world.http.get("/v1/dlq/letter-1")).json()
    raw = base64.b64decode(seen["request_base64"])
    assert raw == await world.request_bytes(job)
    assert seen["request"]["job_id"] == job["id"]


async def test_a_letter_is_found_by_its_jobs_id_too(world: World) -> None:
    job = await buried(world)
    await buried(world, "letter-2")
    assert (await world.http.get(f"/v1/dlq/{job['id']}")).json()["id"] == "letter-1"
    answer = await world.http.post(f"/v1/dlq/{job['id']}/replay")
    assert (answer.status_code, answer.json()["letter_id"]) == (202, "letter-1")
    assert (await world.http.get(f"/v1/dlq/{job['id']}")).status_code == 404


async def test_a_replay_is_a_new_job_that_names_the_old_one(world: World) -> None:
    job = await buried(world)
    answer = await world.http.post("/v1/dlq/letter-1/replay")
    assert answer.status_code == 202
    again = await world.job(answer.json()["job_id"])
    assert (again["replay_of"], again["status"]) == (job["id"], "queued")
    assert (again["input"], again["metadata"]) == (job["input"], job["metadata"])
    assert (await world.job(job["id"]))["status"] == "failed"
    assert await letters(world) == []
    assert (await world.http.post("/v1/dlq/letter-1/replay")).status_code == 404


async def test_of_two_replays_at_once_one_job_comes(world: World) -> None:
    await buried(world)
    answers = await asyncio.gather(*(world.http.post("/v1/dlq/letter-1/replay") for _ in range(5)))
    assert len({answer.json()["job_id"] for answer in answers if answer.status_code == 202}) == 1


async def test_a_replay_that_was_cut_short_is_finished_by_the_next_without_a_second_job(world: World) -> None:
    job = await buried(world)
    original = msgspec.json.decode(await world.request_bytes(job), type=Requested)
    cut_short = msgspec.structs.replace(
        original,
        job_id="019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f",
        idempotency_key="evoke:replay:letter-1",
        body_digest="",
        replay_of=job["id"],
    )
    await world.folded(requested(QUEUE), await world.append(requested(QUEUE), cut_short))
    answer = await world.http.post("/v1/dlq/letter-1/replay")
    assert answer.json()["job_id"] == cut_short.job_id
    assert await letters(world) == []


async def test_letters_are_replayed_by_error_and_all(world: World) -> None:
    for number in range(3):
        await buried(world, f"letter-{number}")
    nothing = (await world.http.post("/v1/dlq/replay", json={"error": "storage"})).json()
    assert (nothing["replayed"], nothing["remaining"]) == ([], 0)
    report = (await world.http.post("/v1/dlq/replay", json={"error": "poison"})).json()
    assert {each["letter_id"] for each in report["replayed"]} == {"letter-0", "letter-1", "letter-2"}
    assert await letters(world) == []
    await buried(world, "letter-3")
    report = (await world.http.post("/v1/dlq/replay/", json={"all": True})).json()
    assert [each["letter_id"] for each in report["replayed"]] == ["letter-3"]


async def test_a_selection_must_be_said(world: World) -> None:
    for body in ({}, {"all": False}, {"all": True, "error": "poison"}, {"everything": True}):
        for action in ("replay", "purge"):
            assert (await world.http.post(f"/v1/dlq/{action}", json=body)).status_code == 422


async def test_letters_are_purged_one_and_all(world: World) -> None:
    for number in range(3):
        await buried(world, f"letter-{number}")
    assert (await world.http.delete("/v1/dlq/letter-1")).status_code == 204
    assert await letters(world) == ["letter-2", "letter-0"]
    assert (await world.http.post("/v1/dlq/purge", json={"all": True})).json() == {
        "purged": 2,
        "remaining": 0,
    }
    assert await letters(world) == []


async def test_bytes_that_are_no_request_are_shown_and_can_only_be_purged(world: World) -> None:
    await buried(world, request=b"\xff\x00 not a request")
    seen = (await world.http.get("/v1/dlq/letter-1")).json()
    assert (seen["request"], base64.b64decode(seen["request_base64"])) == (None, b"\xff\x00 not a request")
    assert (await world.http.post("/v1/dlq/letter-1/replay")).status_code == 409
    report = (await world.http.post("/v1/dlq/replay", json={"all": True})).json()
    assert (report["replayed"], report["refused"][0]["code"], report["remaining"]) == ([], "conflict", 1)
    assert (await world.http.delete("/v1/dlq/letter-1")).status_code == 204


async def test_a_letter_with_another_tenants_request_is_not_replayed(world: World) -> None:
    job = await world.submit()
    foreign = msgspec.structs.replace(
        msgspec.json.decode(await world.request_bytes(job), type=Requested), tenant="somebody-else"
    )
    await world.dead_letter(job, "letter-1", request=encode(foreign))
    assert (await world.http.post("/v1/dlq/letter-1/replay")).status_code == 409


async def test_letters_outlive_a_restart_and_the_archive(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path) as world:
        await buried(world, "kept")
        await buried(world, "purged")
        await buried(world, "undecodable", tenant="", request=b"\xff")
        await world.http.delete("/v1/dlq/purged")
        await world.archive()
    async with running_api(engine, tmp_path) as world:
        assert sorted(await letters(world)) == ["kept", "undecodable"]
        assert (await world.http.get("/v1/dlq/undecodable")).json()["request_base64"] == "/w=="
        assert (await world.http.post("/v1/dlq/kept/replay")).status_code == 202
        assert await letters(world) == ["undecodable"]
