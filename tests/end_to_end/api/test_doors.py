"""The doors that existing users know: pictures and factorials; and models, queues, health, figures, the document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.end_to_end.api.test_jobs import walk
from tests.end_to_end.api.world import MODEL, World, running_api
from tests.stack.engines import Engine

SETTINGS: dict[str, Any] = {
    "prompt": "a red circle",
    "negative_prompt": "",
    "seed": "7",
    "sampler_name": "euler_a",
    "batch_size": "2",
    "n_iters": "1",
    "steps": "20",
    "cfg_scale": "7.5",
    "width": "64",
    "height": 64,
    "model": MODEL,
}


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> AsyncIterator[World]:
    """One for all that is refused or does not count."""
    async with running_api(engine, tmp_path_factory.mktemp("doors")) as found:
        yield found


@pytest.mark.parametrize("path", ["/images/", "/images"])
async def test_a_request_for_pictures_with_numbers_as_text_is_accepted(shared: World, path: str) -> None:
    body = {"generation_settings": SETTINGS, "metadata": {"grouping": "g"}}
    answer = await shared.http.post(path, json=body)
    assert answer.status_code == 202
    assert answer.json()["message"] == "Request is being processed"
    seen = (await shared.http.get(f"{path.rstrip('/')}/{answer.json()['id']}/")).json()
    assert (seen["image_url"], seen["image_urls"], seen["complete_time"]) == (None, [], None)
    assert seen["metadata"] == {"grouping": "g"}
    chosen = seen["generation_settings"]
    assert (chosen["batch_size"], chosen["cfg_scale"], chosen["seed"], chosen["model"]) == (2, 7.5, 7, MODEL)


async def test_finished_pictures_have_urls_that_work_and_the_seed_that_was_used(shared: World) -> None:
    submitted = await shared.http.post("/images/", json={"generation_settings": {"prompt": "a"}})
    job = await shared.job(submitted.json()["id"])
    await shared.succeed(job, data=b"picture")
    seen = (await shared.http.get(f"/images/{job['id']}")).json()
    assert seen["generation_settings"]["seed"] == 42
    assert seen["image_urls"] == [seen["image_url"]]
    assert seen["complete_time"] is not None
    assert (await shared.http.get(seen["image_url"])).content == b"picture"


async def test_a_grouping_is_listed_newest_first_by_cursor(world: World) -> None:
    ids = []
    for number in range(5):
        body = {"generation_settings": {"prompt": str(number)}, "metadata": {"grouping": "mine"}}
        ids.append((await world.http.post("/images/", json=body)).json()["id"])
        await world.http.post("/images/", json={"generation_settings": {"prompt": "other"}})
    await world.submit(metadata={"grouping": "mine"})
    assert await walk(world.http, "/images/", grouping="mine", limit=2) == ids[::-1]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"prompt": "a", "steps": "many"}, "generation_settings.steps"),
        ({"prompt": "a", "steps": "9" * 400}, "generation_settings.steps"),
        ({"prompt": "a", "cfg_scale": "1e999"}, "generation_settings.cfg_scale"),
        ({"prompt": "a", "cfg_scale": "nan"}, "generation_settings.cfg_scale"),
        ({"prompt": "a", "model": 5}, "generation_settings.model"),
        ({"prompt": "a", "model": "factorial"}, "generation_settings.model"),
        ({}, "generation_settings.prompt"),
    ],
)
async def test_bad_settings_are_422_and_named(shared: World, settings: dict[str, Any], field: str) -> None:
    answer = await shared.http.post("/images/", json={"generation_settings": settings})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_factorial_is_asked_for_and_read(shared: World) -> None:
    asked = await shared.http.get("/factorial", params={"no": 5})
    assert asked.status_code == 202
    job = await shared.job(asked.json()["id"])
    waiting = (await shared.http.get("/factorial/result", params={"id": job["id"]})).json()
    assert (waiting["input"], waiting["status"], waiting["output"]) == (5, "queued", None)
    await shared.succeed(job, data=b"120\n", media_type="text/plain", name="factorial.txt")
    done = (await shared.http.get("/factorial/result", params={"id": job["id"]})).json()
    assert (done["input"], done["status"], done["output"]) == (5, "succeeded", "120")


@pytest.mark.parametrize("query", ["", "no=", "no=-1", "no=x", "no=1000001", "no=1.5"])
async def test_a_number_that_has_no_factorial_is_422(shared: World, query: str) -> None:
    answer = await shared.http.get(f"/factorial?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.no")


async def test_a_result_needs_an_id_of_a_factorial(shared: World) -> None:
    assert (await shared.http.get("/factorial/result")).status_code == 422
    picture = await shared.submit()
    assert (await shared.http.get("/factorial/result", params={"id": picture["id"]})).status_code == 404


async def test_models_tell_the_schema_of_their_input(shared: World) -> None:
    listed = (await shared.http.get("/v1/models")).json()["items"]
    assert [model["id"] for model in listed] == [MODEL, "factorial", "cough", "sounds-16k"]
    assert (await shared.http.get(f"/v1/models/{MODEL}")).json() == listed[0]
    assert listed[0]["input_schema"]["properties"]["steps"]["maximum"] == 150


async def test_queues_tell_depth_age_and_workers(world: World) -> None:
    await world.submit()
    await world.submit(priority=-1)
    subscription = await world.context.queue.subscribe("txt2img_generation", "worker-1")
    queue = (await world.http.get("/v1/queues")).json()["items"][0]
    await subscription.close()
    assert queue["depth"] == {"interactive": 1, "bulk": 1}
    assert queue["workers"] == 1
    assert queue["oldest_age_s"] >= 0
    assert (queue["running"], queue["models"]) == (0, [MODEL])


@pytest.mark.parametrize("path", ["/health/", "/health", "/livez", "/readyz"])
async def test_health_is_ok(shared: World, path: str) -> None:
    answer = await shared.http.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_figures_count_answers_by_route_and_jobs_by_queue(world: World) -> None:
    job = await world.submit()
    await world.job(job["id"])
    await world.http.get("/v1/jobs/unknown")
    text = (await world.http.get("/metrics")).text
    assert 'evoke_api_requests_total{method="POST",route="/v1/jobs",status="2xx"} 1.0' in text
    assert 'evoke_api_requests_total{method="GET",route="/v1/jobs/{id}",status="4xx"} 1.0' in text
    assert 'evoke_queue_waiting{lane="interactive",queue="txt2img_generation"} 1.0' in text
    assert job["id"] not in text


async def test_the_page_of_the_document_needs_no_other_host(shared: World) -> None:
    page = await shared.http.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js"):
        assert f"/docs/{name}" in page.text
        assert (await shared.http.get(f"/docs/{name}")).status_code == 200
    assert (await shared.http.get("/docs/..%2fdocs.html")).status_code == 404


async def test_the_document_describes_every_operation_with_an_example_of_its_body(shared: World) -> None:
    document = (await shared.http.get("/openapi.json")).json()
    assert {"/v1/jobs", "/images/", "/factorial", "/v1/query", "/v1/dlq/replay"} <= document["paths"].keys()
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            content = operation.get("requestBody", {}).get("content", {})
            assert all(
                media_type != "application/json" or kind["example"] for media_type, kind in content.items()
            )
            assert all(kind["schema"] for kind in content.values())
