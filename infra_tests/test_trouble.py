"""What goes wrong is put aside and can be replayed; what is traced arrives."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from infra_tests.evoke import Evoke


def test_a_job_that_kills_its_worker_becomes_a_dead_letter_and_the_queue_goes_on(
    evoke: Evoke, poison: dict[str, Any]
) -> None:
    job = evoke.ended(evoke.submit(**{"value": poison["input"], "model": poison["model"]})["id"])
    assert job["status"] == "failed"

    def letter() -> dict[str, Any] | None:
        items = evoke.http.get("/v1/dlq", params={"limit": 100}).json()["items"]
        return next((each for each in items if each["job_id"] == job["id"]), None)

    found = evoke.eventually(letter, "the request is a dead letter")
    assert found is not None
    answer = evoke.http.delete(f"/v1/dlq/{found['id']}")
    assert answer.is_success, answer.text
    assert letter() is None
    assert evoke.succeeded("factorial", {"no": 6})["attempts"] == 1


def test_a_jobs_trace_reaches_its_collector(evoke: Evoke, traces_url: str) -> None:
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    answer = evoke.http.post("/v1/jobs", json={"model": "factorial", "input": {"no": 24}}, headers=headers)
    evoke.ended(answer.json()["id"])

    def is_there() -> bool:
        found = httpx.get(f"{traces_url}/api/traces/{trace_id}", timeout=30)
        return found.status_code == 200 and "evoke-api" in found.text and "evoke-sidecar" in found.text

    evoke.eventually(is_there, f"trace {trace_id} is kept, with spans of API and sidecar")
