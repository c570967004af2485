"""A job's life: submitted, polled, listed, cancelled, seen by SQL."""

from __future__ import annotations

import hashlib
import math
import secrets

import pytest

from infra_tests.evoke import Evoke


def test_a_job_goes_all_the_way(evoke: Evoke) -> None:
    job = evoke.succeeded("factorial", {"no": 20})
    (artifact,) = job["artifacts"]
    content = evoke.bytes_of(artifact)
    assert content.decode() == str(math.factorial(20))
    assert hashlib.sha256(content).hexdigest() == artifact["sha256"]
    assert len(content) == artifact["size_bytes"]


def test_the_same_key_is_the_same_job(evoke: Evoke) -> None:
    headers = {"idempotency-key": secrets.token_hex(16)}
    body = {"model": "factorial", "input": {"no": 21}}
    first, again = (evoke.http.post("/v1/jobs", json=body, headers=headers) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = evoke.http.post("/v1/jobs", json={"model": "factorial", "input": {"no": 22}}, headers=headers)
    assert other.status_code == 422


def test_jobs_are_listed_by_their_grouping(evoke: Evoke) -> None:
    grouping = f"infra-{secrets.token_hex(8)}"
    mine = [
        evoke.submit("factorial", {"no": number}, metadata={"grouping": grouping})["id"]
        for number in (3, 4, 5)
    ]
    listed = evoke.http.get("/v1/jobs", params={"grouping": grouping}).json()["items"]
    assert [job["id"] for job in listed] == list(reversed(mine))


def test_a_job_is_cancelled(evoke: Evoke) -> None:
    job = evoke.submit("factorial", {"no": 1_000_000})
    answer = evoke.http.post(f"/v1/jobs/{job['id']}/cancel")
    assert answer.status_code == 200, answer.text
    if answer.json()["status"] == "succeeded":
        pytest.skip("the job was done before it could be cancelled")
    assert answer.json()["status"] == "cancelled"
    assert evoke.ended(job["id"])["status"] == "cancelled"


def test_events_are_streamed_to_their_end(evoke: Evoke) -> None:
    job = evoke.submit("factorial", {"no": 5000})
    with evoke.http.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        names = [line.removeprefix("event: ") for line in stream.iter_lines() if line.startswith("event: ")]
    assert names[0] == "requested"
    assert names[-1] == "succeeded"


def test_sql_sees_what_a_job_has_become(evoke: Evoke) -> None:
    job = evoke.succeeded("factorial", {"no": 23})
    asked = {
        "sql": f"SELECT status, model FROM jobs WHERE id = '{job['id']}'",
        "min_position": job["position"],
    }

    def look() -> list[list[str]] | None:
        answer = evoke.http.post(
            "/v1/query", json=asked
        )  # it waits for the archive, and says so when that takes long
        if answer.status_code == 503:
            return None
        assert answer.status_code == 200, answer.text
        rows: list[list[str]] = answer.json()["rows"]
        return rows

    assert evoke.eventually(look, "the archive has the job") == [["succeeded", "factorial"]]
