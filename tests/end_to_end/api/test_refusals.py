"""What the API refuses, with which status, naming what: 4xx, and never 5xx."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from evoke.domain.topics import logged
from tests.end_to_end.api.world import MODEL, QUEUE, World, running_api
from tests.stack.engines import Engine

JSON = {"Content-Type": "application/json"}
PREFIX = b'{"model": "shapes-64", "input": {"prompt": '


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> AsyncIterator[World]:
    """One for all: what is refused leaves nothing behind."""
    async with running_api(engine, tmp_path_factory.mktemp("refusals")) as found:
        yield found


async def appended(world: World) -> int:
    """How many submissions the log holds."""
    return sum([len(await world.context.log.read(topic, None, 1000)) for topic in logged(QUEUE)[:2]])


@pytest.mark.parametrize(
    "prompt",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"1" * 400,
        b"1" * 5000,
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"unclosed',
        b"[" * 100_000,
        b"{" * 1000,
        b"",
        b"'single'",
        b'"a" "b"',
        b"\x00",
    ],
)
async def test_what_is_no_json_is_refused(world: World, prompt: bytes) -> None:
    before = await appended(world)
    answer = await world.http.post("/v1/jobs", content=PREFIX + prompt + b"}}", headers=JSON)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert await appended(world) == before


@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"1", b"null", b"{}", b'{"model": "shapes-64"}'])
async def test_json_of_another_shape_is_refused(world: World, body: bytes) -> None:
    answer = await world.http.post("/v1/jobs", content=body, headers=JSON)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    ("value", "field", "limit"),
    [
        ({}, "input.prompt", "required"),
        ({"prompt": ""}, "input.prompt", "at least 1 characters"),
        ({"prompt": "x" * 1001}, "input.prompt", "at most 1000 characters"),
        ({"prompt": 1}, "input.prompt", "of type string"),
        ({"prompt": None}, "input.prompt", "of type string"),
        ({"prompt": "a", "steps": 151}, "input.steps", "at most 150"),
        ({"prompt": "a", "steps": 0}, "input.steps", "at least 1"),
        ({"prompt": "a", "steps": 10**18}, "input.steps", "at most 150"),
        ({"prompt": "a", "steps": 1.5}, "input.steps", "of type integer"),
        ({"prompt": "a", "steps": "20"}, "input.steps", "of type integer"),
        ({"prompt": "a", "steps": True}, "input.steps", "of type integer"),
        ({"prompt": "a", "width": 65}, "input.width", "multiple of 8"),
        ({"prompt": "a", "sampler_name": "magic"}, "input.sampler_name", "one of euler"),
        ({"prompt": "a", "colour": "red"}, "input.colour", "not a field"),
        ({"prompt": "a", "batch_size": 8, "n_iters": 8}, "input.batch_size", "at most 16 pictures, got 64"),
        ({"prompt": "a", "seed": 2**70}, "input.seed", "64 bits"),
    ],
)
async def test_bad_input_is_422_and_names_field_and_limit(
    world: World, value: Any, field: str, limit: str
) -> None:
    before = await appended(world)
    answer = await world.http.post("/v1/jobs", json={"model": MODEL, "input": value})
    assert answer.status_code == 422, answer.text
    errors = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert limit in errors[field]
    assert await appended(world) == before


async def test_every_wrong_field_is_named(world: World) -> None:
    answer = await world.http.post("/v1/jobs", json={"model": MODEL, "input": {"steps": 0, "cfg_scale": 99}})
    fields = {error["field"] for error in answer.json()["errors"]}
    assert fields == {"input.steps", "input.cfg_scale", "input.prompt"}


async def test_a_large_prompt_is_refused_without_repeating_it(world: World) -> None:
    answer = await world.http.post("/v1/jobs", json={"model": MODEL, "input": {"prompt": "x" * 900_000}})
    assert answer.status_code == 422
    assert len(answer.content) < 2000


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"extra": 1}, "extra"),
        ({"model": 1}, "model"),
        ({"priority": 1001}, "priority"),
        ({"priority": "high"}, "priority"),
        ({"metadata": {"grouping": 5}}, "metadata.grouping"),
        ({"metadata": {"grouping": "x" * 201}}, "metadata.grouping"),
        ({"metadata": {"big": "x" * 20_000}}, "metadata"),
        ({"metadata": {"number": 2**64}}, "metadata.number"),
    ],
)
async def test_a_bad_envelope_is_422(world: World, changed: dict[str, Any], field: str) -> None:
    answer = await world.http.post("/v1/jobs", json={"model": MODEL, "input": {"prompt": "a"}, **changed})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("left_out", ["model", "input"])
async def test_a_field_that_is_left_out_is_named(world: World, left_out: str) -> None:
    whole = {"model": MODEL, "input": {"prompt": "a"}}
    answer = await world.http.post("/v1/jobs", json={k: v for k, v in whole.items() if k != left_out})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": left_out, "message": "is required"}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (PREFIX + b'"\\ud800"}}', "surrogate"),
        (PREFIX + b'"\\ud800 and more text"}}', "surrogate"),
        (PREFIX + b"1e999}}", "a number in input is too large"),
        (PREFIX + b"9" * 5000 + b"}}", "a number in input is too large"),
        (PREFIX, "truncated"),
    ],
)
async def test_what_is_no_json_is_400_and_says_why(world: World, body: bytes, words: str) -> None:
    answer = await world.http.post("/v1/jobs", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    assert words in answer.json()["detail"]


async def test_a_compressed_body_is_415_rather_than_bad_json(world: World) -> None:
    body = gzip.compress(b'{"model": "shapes-64", "input": {"prompt": "a"}}')
    answer = await world.http.post("/v1/jobs", content=body, headers={**JSON, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "compressed" in answer.json()["detail"]


async def test_deep_metadata_is_refused(world: World) -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"a": deep}
    answer = await world.http.post(
        "/v1/jobs", json={"model": MODEL, "input": {"prompt": "a"}, "metadata": {"deep": deep}}
    )
    assert answer.status_code == 422
    assert "32 deep" in answer.text


async def test_an_unknown_model_is_404_with_the_nearest_names(world: World) -> None:
    answer = await world.http.post("/v1/jobs", json={"model": "shape-64", "input": {"prompt": "a"}})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_model")
    assert answer.json()["nearest"] == [MODEL]


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-16",
    ],
)
async def test_another_media_type_is_415(world: World, media_type: str) -> None:
    answer = await world.http.post(
        "/v1/jobs",
        content=b'{"model": "shapes-64", "input": {"prompt": "a"}}',
        headers={"Content-Type": media_type},
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("media_type", ["application/json; charset=UTF-8", "application/vnd.evoke+json"])
async def test_json_by_another_name_is_accepted(world: World, media_type: str) -> None:
    answer = await world.http.post(
        "/v1/jobs",
        content=b'{"model": "shapes-64", "input": {"prompt": "a"}}',
        headers={"Content-Type": media_type},
    )
    assert answer.status_code == 202


async def test_a_body_over_the_limit_is_413_announced_or_not(tmp_path: Path, engine: Engine) -> None:
    async with running_api(engine, tmp_path, max_body_bytes=2000) as world:

        async def chunks() -> Any:
            for _ in range(10):
                yield b"x" * 1000

        announced = await world.http.post("/v1/jobs", content=b"x" * 2001, headers=JSON)
        chunked = await world.http.post("/v1/jobs", content=chunks(), headers=JSON)
        assert (announced.status_code, chunked.status_code) == (413, 413)
        assert (await world.submit())["status"] == "queued"


async def raw(world: World, request: bytes) -> bytes:
    """The first bytes of the answer to a request that no client library would send."""
    host, port = world.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read(1000)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 2\r\nContent-Length: 40\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: 0x10\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
    ],
)
async def test_tricks_with_the_length_are_refused(world: World, headers: bytes) -> None:
    before = await appended(world)
    answer = await raw(
        world,
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers + b"\r\n{}",
    )
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert await appended(world) == before


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/unknown",
        "/v1/jobs/019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f",
        "/v1/jobs/019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f/events",
        "/v1/jobs/019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f/artifacts/0",
        "/v1/jobs/%00",
        "/v1/jobs/..%2f..%2fetc",
        "/v1/dlq/unknown",
        "/v1/models/unknown",
        "/images/unknown/",
        "/nothing",
        "/v1",
    ],
)
async def test_what_is_not_there_is_404_as_a_problem(world: World, path: str) -> None:
    answer = await world.http.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "limit=²", "status=odd", "cursor=x", "since=yesterday", "min_position=%ff",
     "min_position=AAAA", "since=99999999999999999999", "grouping=%ff", "&".join(["a=1"] * 100)],
)  # fmt: skip
async def test_a_bad_query_is_422(world: World, query: str) -> None:
    answer = await world.http.get(f"/v1/jobs?{query}")
    assert answer.status_code == 422, answer.text


async def test_a_bad_wait_is_422(world: World) -> None:
    job = await world.submit()
    for wait in ("x", "-1", "nan", "inf", "1e400"):
        answer = await world.http.get(f"/v1/jobs/{job['id']}", params={"wait": wait})
        assert answer.status_code == 422


async def test_a_method_that_is_not_allowed_is_405_and_says_which_are(world: World) -> None:
    answer = await world.http.put("/v1/jobs", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["code"] == "method_not_allowed"


async def test_every_answer_names_its_request_within_the_callers_trace(world: World) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = await world.http.get("/v1/models", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert answer.headers["x-request-id"] == trace
    assert answer.headers["traceparent"].startswith(f"00-{trace}-")
    strange = await world.http.get("/v1/models", headers={"traceparent": "nonsense"})
    assert len(strange.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("address", "field", "hint"),
    [
        ("/v1/jobs?statuss=queued", "statuss", "did you mean status?"),
        ("/images/?groupin=a", "groupin", "did you mean grouping?"),
        ("/v1/dlq?model=x", "model", "this takes queue, error, limit, cursor"),
        ("/v1/models?limit=3", "limit", "this takes no parameters"),
    ],
)
async def test_a_parameter_that_does_not_exist_is_no_filter_that_matches_all(
    world: World, address: str, field: str, hint: str
) -> None:
    answer = await world.http.get(address)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert hint in error["message"]


@pytest.mark.parametrize("address", ["/health/?probe=1", "/readyz?x", "/livez?from=balancer"])
async def test_probes_may_carry_what_they_like(world: World, address: str) -> None:
    assert (await world.http.get(address)).status_code == 200


async def test_a_model_that_needs_a_file_is_not_begun_without_one(world: World) -> None:
    before = await appended(world)
    answer = await world.http.post("/v1/jobs", json={"model": "cough", "input": {}})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "model"
    assert "needs a file (audio)" in error["message"]
    assert await appended(world) == before
