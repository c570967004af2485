"""Pages over an API that behaves in every way it can."""

from __future__ import annotations

from typing import Any

import pytest

from services.console.loopback import Loopback
from services.console.pages import NAVIGATION
from tests.unit.console.scripted_api import ID, MODEL, QUEUE, ScriptedApi, artifact, job, problem

EVIL = "<script>alert('x')</script>\"'&"
PAGES = ["/", "/jobs", f"/jobs/{ID}", "/queues", "/dead-letters"]
PARTS = [
    "/console/form",
    "/console/gallery",
    "/console/rows",
    f"/console/jobs/{ID}",
    f"/console/jobs/{ID}/details",
    "/console/line",
    "/console/queues",
    "/console/letters",
]


@pytest.mark.parametrize("address", PAGES)
async def test_every_page_is_whole_and_guarded(address: str) -> None:
    answer = await ScriptedApi().get(address)
    assert answer.status_code == 200
    assert answer.text.startswith("<!doctype html>")
    assert "<main " in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    for forbidden in ("<style", " style=", "onclick=", "javascript:", "https://", "hx-on"):
        assert forbidden not in answer.text


async def test_the_navigation_marks_where_one_is() -> None:
    for address, label in NAVIGATION:
        text = (await ScriptedApi().get(address)).text
        assert f'<a href="{address}" aria-current="page">{label}</a>' in text
        assert text.count("aria-current") == 1


@pytest.mark.parametrize("address", PARTS)
@pytest.mark.parametrize("code", ["unavailable", "internal"])
async def test_a_part_says_what_the_api_refused_and_offers_to_try_again(address: str, code: str) -> None:
    refusal = problem(503, code, EVIL)
    api = ScriptedApi(
        dict.fromkeys(("/v1/models", "/v1/queues", "/v1/jobs", "/v1/dlq", f"/v1/jobs/{ID}"), refusal)
    )
    text = (await api.get(address)).text
    assert f"<code>{code}</code> 503" in text
    assert "data-refresh" in text
    assert "<script>" not in text


@pytest.mark.parametrize("address", PAGES)
async def test_an_api_that_wants_a_key_makes_pages_that_ask_for_it(address: str) -> None:
    refusal = problem(401, "unauthorized")
    api = ScriptedApi(
        dict.fromkeys(("/v1/models", "/v1/queues", "/v1/jobs", "/v1/dlq", f"/v1/jobs/{ID}"), refusal)
    )
    answer = await api.get(address)
    assert answer.status_code == 200
    assert "data-needs-key" in answer.text


async def test_the_browsers_key_and_host_are_passed_on_and_its_other_headers_are_not() -> None:
    api = ScriptedApi()
    await api.get(
        "/console/gallery", authorization="Bearer k", cookie="a=b", if_none_match='"x"', range="bytes=0-1"
    )
    (asked,) = api.asked
    assert asked.headers["authorization"] == "Bearer k"
    assert asked.headers["host"] == "evoke.test"
    assert not {"cookie", "if-none-match", "range"} & set(asked.headers)


async def test_with_a_key_outputs_are_left_to_the_script_since_a_tag_sends_none() -> None:
    done = job(status="succeeded", artifacts=[artifact("image/png")])
    api = ScriptedApi({f"/v1/jobs/{ID}": done})
    assert '<img class="picture" src="/v1/a"' in (await api.get(f"/console/jobs/{ID}")).text
    text = (await api.get(f"/console/jobs/{ID}", authorization="Bearer k")).text
    assert 'data-source="/v1/a"' in text
    assert "src=" not in text.replace("data-source=", "")


@pytest.mark.parametrize("said", [b"", b"[1]", b"<html>", b"\xff"])
async def test_an_answer_that_is_no_json_object_is_a_refusal_not_a_crash(said: bytes) -> None:
    assert "bad_answer" in (await ScriptedApi({"/v1/queues": said}).get("/console/line")).text


async def test_an_answer_without_end_is_not_kept() -> None:
    endless = b'{"items": "' + b"x" * (17 << 20) + b'"}'
    assert "bad_answer" in (await ScriptedApi({"/v1/queues": endless}).get("/console/queues")).text


async def test_an_api_that_never_answers_is_given_up() -> None:
    api = ScriptedApi({"/v1/queues": "never"})
    await api.get("/console/gallery")
    outer = api.asked[0]
    answer = await Loopback(outer, deadline_s=0.05).get("v1", "queues")
    assert (answer.status, answer.document["code"]) == (504, "timeout")
    assert not answer.ok
    assert answer.items == []


@pytest.mark.parametrize("address", [f"/jobs/{ID}", "/", "/jobs", "/dead-letters"])
async def test_whatever_the_api_says_is_text_and_no_markup(address: str) -> None:
    evil = job(
        status="failed",
        model=EVIL,
        input={"prompt": EVIL},
        metadata={"grouping": EVIL},
        error={"code": EVIL, "message": EVIL},
        result={"a": EVIL},
        artifacts=[artifact("text/plain", name=EVIL)],
    )
    letter = {
        "id": EVIL,
        "job_id": ID,
        "queue": EVIL,
        "model": EVIL,
        "error": {"code": EVIL, "message": EVIL},
        "attempts": 3,
        "dead_lettered_at": None,
        "origin": EVIL,
    }
    api = ScriptedApi(
        {
            f"/v1/jobs/{ID}": evil,
            "/v1/jobs": {"items": [evil], "next": EVIL},
            "/v1/models": {"items": [{**MODEL, "title": EVIL, "description": EVIL}]},
            "/v1/queues": {"items": [{**QUEUE, "name": EVIL}]},
            "/v1/dlq": {"items": [letter], "next": EVIL, "total": 1},
        }
    )
    text = (await api.get(address)).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


@pytest.mark.parametrize("value", ["../../v1/query", "a/b", "%2e%2e", "?x=1", "é"])
async def test_no_id_leads_out_of_its_place(value: str) -> None:
    api = ScriptedApi()
    await api.get("/console/form", **{})
    await api.get(f"/console/form?source={value}")
    assert {asked.url.path.split("/")[2] for asked in api.asked} <= {"models", "jobs"}
    assert all(asked.method == "GET" for asked in api.asked)


async def test_an_alias_finds_its_model_and_an_unknown_one_is_refused() -> None:
    api = ScriptedApi({"/v1/models/nothing": problem(404, "unknown_model", "did you mean shapes?")})
    assert 'data-model="shapes-64"' in (await api.get("/?model=shapes")).text
    assert "did you mean shapes?" in (await api.get("/?model=nothing")).text


async def test_a_catalogue_without_models_is_said_to_be_empty() -> None:
    assert "No model is configured" in (await ScriptedApi({"/v1/models": {"items": []}}).get("/")).text


async def test_a_model_that_needs_files_is_not_offered_by_a_form_without_them() -> None:
    listener = {**MODEL, "id": "listener", "title": "Listener", "aliases": [], "files": ["audio"]}
    api = ScriptedApi({"/v1/models": {"items": [listener, MODEL]}})
    for address in ("/", "/?model=listener"):
        page = (await api.get(address)).text
        assert 'data-model="shapes-64"' in page
        assert "Listener" not in page


async def test_the_form_begins_with_an_earlier_jobs_input_if_it_is_the_same_model() -> None:
    other = {**MODEL, "id": "other", "aliases": []}
    api = ScriptedApi(
        {"/v1/models": {"items": [MODEL, other]}, f"/v1/jobs/{ID}": job(input={"prompt": "kept"})}
    )
    assert ">kept</textarea>" in (await api.get(f"/?source={ID}")).text
    assert ">kept</textarea>" not in (await api.get(f"/?source={ID}&model=other")).text


@pytest.mark.parametrize(
    ("changes", "expected", "unexpected"),
    [
        ({}, ["Queued behind 3 others; 1 worker is connected.", "data-live", "data-cancel"], ["data-repeat"]),
        ({"status": "running", "attempts": 2}, ["attempt 2", "data-cancel"], ["data-waiting", "data-repeat"]),
        (
            {"status": "succeeded"},
            ["without an output", 'data-seed-maximum="99"'],
            ["data-cancel", "Try again"],
        ),
        ({"status": "cancelled"}, ["Cancelled.", "Try again"], ["data-cancel", "data-live"]),
        (
            {"status": "failed", "attempts": 3, "error": {"code": "poison", "message": "it broke"}},
            ["<code>poison</code> after 3 attempts", "it broke", "Try again"],
            ["data-cancel"],
        ),
    ],
)
async def test_a_panel_shows_where_a_job_stands(
    changes: dict[str, Any], expected: list[str], unexpected: list[str]
) -> None:
    text = (await ScriptedApi({f"/v1/jobs/{ID}": job(**changes)}).get(f"/console/jobs/{ID}")).text
    assert [each for each in expected if each not in text] == []
    assert [each for each in unexpected if each in text] == []


async def test_the_waiting_line_ends_when_the_job_waits_no_more() -> None:
    api = ScriptedApi()
    assert "Queued behind 3" in (await api.get(f"/console/jobs/{ID}/waiting")).text
    api.answers[f"/v1/jobs/{ID}"] = job(status="running")
    assert (await api.get(f"/console/jobs/{ID}/waiting")).status_code == 204


async def test_files_are_served_with_a_tag_and_nothing_else_is() -> None:
    api = ScriptedApi()
    answer = await api.get("/static/console.css")
    assert answer.headers["content-type"].startswith("text/css")
    again = await api.get("/static/console.css", if_none_match=answer.headers["etag"])
    assert again.status_code == 304
    assert (await api.get("/static/vendor/htmx.min.js")).status_code == 200
    assert (await api.get("/favicon.ico")).headers["content-type"] == "image/svg+xml"
    for name in (
        "../routes.py",
        "%2e%2e/routes.py",
        "..%2froutes.py",
        "/etc/passwd",
        "vendor/",
        "vendor/NOTICE.md",
        "",
    ):
        assert (await api.get(f"/static/{name}")).status_code == 404


async def test_overlong_parameters_are_refused() -> None:
    assert (await ScriptedApi().get("/console/rows?cursor=" + "x" * 301)).status_code == 422
