"""What has left the hot view: found by id, in lists, by SQL; and nothing is lost on the way there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.api.test_jobs import walk
from tests.end_to_end.api.world import World, eventually, running_api
from tests.stack.engines import Engine


async def finished_and_archived(world: World, count: int) -> list[str]:
    """Jobs that are finished and in the archive, oldest first; they leave the hot view as soon as they may."""
    jobs = [await world.submit(metadata={"grouping": "old"}) for _ in range(count)]
    for job in jobs:
        await world.succeed(job)
    await world.archive()
    return [job["id"] for job in jobs]


async def hot(world: World, job_ids: list[str]) -> list[str]:
    return [job_id for job_id in job_ids if world.context.view.get("default", job_id) is not None]


async def test_a_finished_job_leaves_the_hot_view_once_archived_and_is_still_found(
    tmp_path: Path, engine: Engine
) -> None:
    async with running_api(engine, tmp_path, hot_window_s=0.01) as world:
        job = await world.submit()
        await world.succeed(job, data=b"bytes")
        await asyncio.sleep(1.5)
        assert await hot(world, [job["id"]]) == [job["id"]]
        before = await world.job(job["id"])
        await world.archive()
        await eventually(lambda: _none_hot(world, [job["id"]]), "the job left the hot view")
        after = await world.job(job["id"])
        assert {**after, "position": None} == {**before, "position": None}
        assert (await world.http.get(f"/v1/jobs/{job['id']}/artifacts/0")).content == b"bytes"


async def _none_hot(world: World, job_ids: list[str]) -> bool:
    return not await hot(world, job_ids)


async def test_an_unfinished_job_never_leaves(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path, hot_window_s=0.01, hot_bytes=1 << 20) as world:
        job = await world.submit()
        ended = await finished_and_archived(world, 2)
        await eventually(lambda: _none_hot(world, ended), "the finished ones left")
        assert (await world.job(job["id"]))["queue_position"] == 1


async def test_lists_are_one_over_hot_and_archived_jobs(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path, hot_window_s=0.01) as world:
        unfinished = (await world.submit(metadata={"grouping": "old"}))["id"]
        old = await finished_and_archived(world, 7)
        await eventually(lambda: _none_hot(world, old), "the finished ones left")
        new = [(await world.submit(metadata={"grouping": "old"}))["id"] for _ in range(3)]
        for limit in (1, 2, 3, 50):
            assert await walk(world.http, "/v1/jobs", limit=limit) == [*new[::-1], *old[::-1], unfinished]
        assert await walk(world.http, "/v1/jobs", status="queued", limit=2) == [*new[::-1], unfinished]
        assert await walk(world.http, "/v1/jobs", status="succeeded", limit=2) == old[::-1]
        assert await walk(world.http, "/v1/jobs", grouping="old", limit=4) == [
            *new[::-1],
            *old[::-1],
            unfinished,
        ]


async def test_a_walk_is_exact_while_jobs_arrive_finish_are_archived_and_leave(
    tmp_path: Path, engine: Engine
) -> None:
    async with running_api(engine, tmp_path, hot_window_s=0.01) as world:
        first = [(await world.submit())["id"] for _ in range(30)]
        stop = asyncio.Event()

        async def churn() -> None:
            while not stop.is_set():
                await finished_and_archived(world, 3)

        async def finish_the_first() -> None:
            for job_id in first:
                await world.succeed(await world.job(job_id))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(churn())
            tasks.create_task(finish_the_first())
            for limit in (3, 7, 20):
                walked = await walk(world.http, "/v1/jobs", limit=limit)
                assert len(walked) == len(set(walked))
                assert walked == sorted(walked, reverse=True)
                assert [job_id for job_id in walked if job_id in set(first)] == first[::-1]
            stop.set()


async def test_a_restart_finds_unfinished_jobs_in_the_archive_and_goes_on_with_them(
    tmp_path: Path, engine: Engine
) -> None:
    async with running_api(engine, tmp_path) as world:
        jobs = [await world.submit() for _ in range(3)]
        await world.start(jobs[0])
        await world.succeed(jobs[1])
        await world.archive()
        late = await world.submit()
    async with running_api(engine, tmp_path) as world:
        seen = [(await world.job(job["id"]))["status"] for job in (*jobs, late)]
        assert seen == ["running", "succeeded", "queued", "queued"]
        assert await hot(world, [job["id"] for job in jobs]) == [jobs[0]["id"], jobs[2]["id"]]
        await world.succeed(jobs[0])
        assert (await world.job(jobs[0]["id"]))["status"] == "succeeded"
        assert await walk(world.http, "/v1/jobs", limit=2) == [job["id"] for job in (late, *jobs[::-1])]


async def test_a_late_event_of_a_job_that_has_left_makes_no_ghost(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path, hot_window_s=0.01) as world:
        job = await world.submit()
        await world.succeed(job)
        await world.archive()
        await eventually(lambda: _none_hot(world, [job["id"]]), "the job left")
        await world.fail(job)
        assert (await world.job(job["id"]))["status"] == "succeeded"
        assert await walk(world.http, "/v1/jobs") == [job["id"]]


async def query(world: World, sql: str, **more: Any) -> Any:
    return await world.http.post("/v1/query", json={"sql": sql, **more})


async def test_sql_sees_what_is_archived(world: World) -> None:
    await finished_and_archived(world, 3)
    answer = await query(world, "SELECT status, count(*) AS jobs FROM jobs GROUP BY status")
    assert answer.status_code == 200, answer.text
    assert [column["name"] for column in answer.json()["columns"]] == ["status", "jobs"]
    assert answer.json()["rows"] == [["succeeded", 3]]


async def test_sql_waits_until_a_position_is_archived(world: World) -> None:
    job = await world.submit()
    asking = asyncio.create_task(query(world, "SELECT count(*) FROM jobs", min_position=job["position"]))
    await asyncio.sleep(0.2)
    await world.archive()
    assert (await asking).json()["rows"] == [[1]]


async def test_sql_does_not_wait_for_ever(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path, position_wait_s=0.2) as world:
        job = await world.submit()
        answer = await query(world, "SELECT 1", min_position=job["position"])
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_rows_beyond_the_limit_are_cut_and_it_says_so(world: World) -> None:
    await finished_and_archived(world, 3)
    answer = (await query(world, "SELECT id FROM jobs", rows=2)).json()
    assert (len(answer["rows"]), answer["truncated"]) == (2, True)


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Any:
    async with running_api(engine, tmp_path_factory.mktemp("query")) as found:
        yield found


@pytest.mark.parametrize(
    "sql",
    ["DROP TABLE jobs", "SELECT * FROM nothing", "SELEC 1", "SELECT 1; SELECT 2", "COPY jobs TO '/tmp/x'",
     "SELECT * FROM read_csv('/etc/passwd')", "", "   ", "ATTACH 'x.db'", "SET memory_limit='1TB'"],
)  # fmt: skip
async def test_sql_that_is_not_allowed_is_422(shared: World, sql: str) -> None:
    assert (await query(shared, sql)).status_code == 422


@pytest.mark.parametrize(
    "body", [{"sql": "SELECT 1", "rows": 0}, {"sql": "SELECT 1", "rows": 10**9}, {"query": "x"}]
)
async def test_a_query_of_the_wrong_form_is_422(shared: World, body: dict[str, Any]) -> None:
    assert (await shared.http.post("/v1/query", json=body)).status_code == 422
