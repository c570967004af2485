"""The doors: health, documentation, figures, and inputs that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from infra_tests.evoke import Evoke


@pytest.mark.parametrize("path", ["/health/", "/livez", "/readyz"])
def test_it_is_healthy(evoke: Evoke, path: str) -> None:
    answer = evoke.http.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_its_documentation_is_there(evoke: Evoke) -> None:
    document = evoke.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert "post" in document["paths"]["/v1/jobs"]
    page = evoke.http.get("/docs")
    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]


def test_its_figures_are_there(evoke: Evoke) -> None:
    text = evoke.http.get("/metrics").text
    for name in (
        "evoke_api_requests_total",
        "evoke_queue_waiting",
        "evoke_queue_oldest_seconds",
        "evoke_tail_lag_seconds",
    ):
        assert f"# TYPE {name.removesuffix('_total')}" in text, name


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"model": "factorial", "input": {"no": -1}}, 422, "no"),
        ({"model": "factorial", "input": {"no": 10_000_000}}, 422, "no"),
        ({"model": "factorial", "input": {"no": "six"}}, 422, "no"),
        ({"model": "factorial", "input": {"no": 6, "surprise": 1}}, 422, "surprise"),
        ({"model": "factorial", "input": {}}, 422, "no"),
        ({"model": "factorial"}, 422, "input"),
        ({"model": "no-such-model", "input": {}}, 404, ""),
    ],
)
def test_a_bad_input_is_refused_and_its_field_named(
    evoke: Evoke, body: dict[str, Any], status: int, field: str
) -> None:
    answer = evoke.http.post("/v1/jobs", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert field in answer.text


def test_what_is_no_json_is_refused(evoke: Evoke) -> None:
    answer = evoke.http.post("/v1/jobs", content=b"{", headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500


def test_a_job_that_is_not_there_is_not_found(evoke: Evoke) -> None:
    assert evoke.http.get("/v1/jobs/01900000-0000-7000-8000-000000000001").status_code == 404
