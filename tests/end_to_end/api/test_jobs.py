"""The general door: submit, look, wait, list, cancel."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api.tokens import parse_position, position_token
from tests.end_to_end.api.world import MODEL, PROMPT, World, eventually, running_api
from tests.stack.engines import Engine

BODY: dict[str, Any] = {"model": MODEL, "input": PROMPT}


async def test_a_submitted_job_is_queued_with_its_defaults_filled_in(world: World) -> None:
    answer = await world.http.post("/v1/jobs", json={**BODY, "metadata": {"grouping": "g"}})
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}" == job["urls"]["self"]
    assert (job["status"], job["queue_position"], job["attempts"]) == ("queued", 1, 0)
    assert job["input"]["prompt"] == "a red circle"
    assert job["input"]["steps"] == 20
    assert job["metadata"] == {"grouping": "g"}


async def test_a_submitted_job_is_found_at_once(world: World) -> None:
    for _ in range(20):
        job = await world.submit()
        assert (await world.job(job["id"]))["id"] == job["id"]


async def test_a_job_tells_its_life(world: World) -> None:
    job = await world.submit()
    await world.start(job)
    running = await world.job(job["id"])
    assert (running["status"], running["attempts"], running["queue_position"]) == ("running", 1, None)
    assert running["started_at"] is not None
    await world.succeed(job, data=b"bytes")
    done = await world.job(job["id"])
    assert (done["status"], done["seed"], done["timings_ms"]) == ("succeeded", 42, {"model": 1.5})
    assert done["artifacts"][0]["url"] == f"/v1/jobs/{job['id']}/artifacts/0"
    assert done["finished_at"] is not None


async def test_a_failed_job_tells_why(world: World) -> None:
    job = await world.submit()
    await world.fail(job)
    assert (await world.job(job["id"]))["error"] == {"code": "model_error", "message": "broke"}


async def test_the_first_end_in_the_log_stays_the_end(world: World) -> None:
    job = await world.submit()
    await world.succeed(job)
    await world.fail(job)
    assert (await world.job(job["id"]))["status"] == "succeeded"


async def test_a_waiting_submit_answers_with_the_result(world: World) -> None:
    async def work() -> None:
        job = await eventually(_first_job, "a job was submitted")
        await world.start(job)
        await world.succeed(job)

    async def _first_job() -> Any:
        return next(iter((await world.http.get("/v1/jobs")).json()["items"]), None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work())
        answer = await world.http.post("/v1/jobs", json=BODY, headers={"Prefer": "respond-async, wait=15"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "succeeded"
    assert answer.headers["preference-applied"] == "wait=15"


async def test_a_wait_that_is_too_short_answers_202(world: World) -> None:
    answer = await world.http.post("/v1/jobs", json=BODY, headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


async def test_a_look_can_wait_for_the_end(world: World) -> None:
    job = await world.submit()
    looking = asyncio.create_task(world.http.get(f"/v1/jobs/{job['id']}", params={"wait": "15"}))
    await world.succeed(job)
    assert (await looking).json()["status"] == "succeeded"


async def test_an_unchanged_job_answers_304_and_a_changed_one_does_not(world: World) -> None:
    job = await world.submit()
    seen = await world.http.get(f"/v1/jobs/{job['id']}")
    headers = {"If-None-Match": seen.headers["etag"]}
    again = await world.http.get(f"/v1/jobs/{job['id']}", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    await world.start(job)
    assert (await world.http.get(f"/v1/jobs/{job['id']}", headers=headers)).status_code == 200


async def test_a_read_is_never_older_than_the_position_it_names(world: World) -> None:
    job = await world.submit()
    cancelled = (await world.http.post(f"/v1/jobs/{job['id']}/cancel")).json()
    seen = await world.http.get(f"/v1/jobs/{job['id']}", params={"min_position": cancelled["position"]})
    assert seen.json()["status"] == "cancelled"


async def test_a_position_that_does_not_come_is_503_with_a_time_to_try_again(
    tmp_path: Path, engine: Engine
) -> None:
    async with running_api(engine, tmp_path, position_wait_s=0.2) as world:
        job = await world.submit()
        topic, position = parse_position(job["position"])
        later = position_token(topic, type(position)("9" * len(position)))
        answer = await world.http.get(f"/v1/jobs/{job['id']}", params={"min_position": later})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1


async def test_another_api_process_finds_a_job_at_once(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path) as one, running_api(engine, tmp_path) as other:
        for _ in range(10):
            job = await one.submit()
            assert (await other.job(job["id"]))["status"] == "queued"


async def test_a_queued_job_is_cancelled_and_stays_so(world: World) -> None:
    job = await world.submit()
    answer = await world.http.post(f"/v1/jobs/{job['id']}/cancel/")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    await world.succeed(job)
    assert (await world.job(job["id"]))["status"] == "cancelled"


async def test_a_job_that_has_ended_is_not_changed_by_a_cancel(world: World) -> None:
    job = await world.submit()
    await world.succeed(job)
    answer = await world.http.post(f"/v1/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


async def test_the_place_in_line_counts_those_before(world: World) -> None:
    jobs = [await world.submit() for _ in range(3)]
    assert [(await world.job(job["id"]))["queue_position"] for job in jobs] == [1, 2, 3]
    await world.start(jobs[0])
    assert (await world.job(jobs[2]["id"]))["queue_position"] == 2


async def test_a_tenant_beyond_its_share_goes_to_the_bulk_lane(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path, interactive_share=2) as world:
        jobs = [await world.submit() for _ in range(3)]
        assert [job["lane"] for job in jobs] == ["interactive", "interactive", "bulk"]
        await world.succeed(jobs[0])
        assert (await world.submit())["lane"] == "bulk"
        await world.succeed(jobs[1])
        await world.succeed(jobs[2])
        assert (await world.submit())["lane"] == "interactive"


async def test_low_priority_goes_to_the_bulk_lane(world: World) -> None:
    assert (await world.submit(priority=-1))["lane"] == "bulk"


async def test_a_full_queue_answers_429_and_accepts_again_when_it_is_not(
    tmp_path: Path, engine: Engine
) -> None:
    async with running_api(engine, tmp_path, max_queued=2) as world:
        first = await world.submit()
        await world.submit()
        refused = await world.http.post("/v1/jobs", json=BODY)
        assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
        assert int(refused.headers["retry-after"]) >= 1
        await world.start(first)
        await world.submit()


async def test_lists_are_newest_first_and_filtered(world: World) -> None:
    jobs = [await world.submit(metadata={"grouping": "even" if n % 2 == 0 else "odd"}) for n in range(4)]
    await world.succeed(jobs[0])
    factorial = await world.submit(model="factorial", input={"no": 5})

    async def listed(**query: Any) -> list[str]:
        return [item["id"] for item in (await world.http.get("/v1/jobs", params=query)).json()["items"]]

    ids = [job["id"] for job in jobs]
    assert await listed() == [factorial["id"], *reversed(ids)]
    assert await listed(status="succeeded") == [ids[0]]
    assert await listed(status="queued,running", model=MODEL) == [ids[3], ids[2], ids[1]]
    assert await listed(grouping="even") == [ids[2], ids[0]]
    assert await listed(model="factorial") == [factorial["id"]]
    assert await listed(until="2020-01-01T00:00:00Z") == []
    assert len(await listed(since="2020-01-01T00:00:00Z", limit=2)) == 2


async def walk(http: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    """All ids of a list, page by page."""
    ids: list[str] = []
    cursor = None
    while True:
        page = (await http.get(path, params={**query, **({"cursor": cursor} if cursor else {})})).json()
        ids += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return ids


async def test_a_walk_by_cursor_is_exact_while_jobs_arrive(world: World) -> None:
    before = [(await world.submit())["id"] for _ in range(60)]
    stop = asyncio.Event()

    async def keep_submitting() -> None:
        while not stop.is_set():
            await world.submit()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_submitting())
        for limit in (1, 7, 50):
            walked = await walk(world.http, "/v1/jobs", limit=limit)
            assert len(walked) == len(set(walked))
            assert [job_id for job_id in walked if job_id in set(before)] == before[::-1]
        stop.set()


async def test_a_page_links_to_the_next_one(world: World) -> None:
    for _ in range(3):
        await world.submit(metadata={"grouping": "a b&c"})
    page = await world.http.get("/v1/jobs", params={"grouping": "a b&c", "limit": 2})
    following = await world.http.get(page.links["next"]["url"])
    assert len(following.json()["items"]) == 1
    assert "next" not in following.links


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/"])
async def test_a_slash_at_the_end_makes_no_difference_and_loses_no_body(world: World, path: str) -> None:
    answer = await world.http.post(path, json=BODY)
    assert answer.status_code == 202
    assert (await world.http.get(f"/v1/jobs/{answer.json()['id']}/")).status_code == 200


@pytest.mark.parametrize("wait", ["soon", "nan", "-1"])
async def test_a_wait_that_is_no_number_is_refused_of_a_job_that_has_ended_too(
    world: World, wait: str
) -> None:
    job = await world.submit()
    for ended in (False, True):
        if ended:
            await world.succeed(job)
        answer = await world.http.get(f"/v1/jobs/{job['id']}", params={"wait": wait})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "wait")
