"""What a newcomer does first: start the system, send a prompt, look at the picture."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.system.processes import ProcessUnderTest, eventually, free_port
from tests.unit.shapes64.judge import Expected, faults

pytest.importorskip("diffusers")
Image = pytest.importorskip("PIL.Image")

PROMPT = "a red circle to the left of a blue square on a yellow background"
ASKED_FOR = Expected("yellow", (("red", "circle"), ("blue", "square")), "left")

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The whole system with its default model, started as `make up` starts it."""
    folder = tmp_path_factory.mktemp("first")
    port = free_port()
    arguments = ("--models", "shapes-64", "--port", str(port), "--data-dir", str(folder / "data"))
    process = ProcessUnderTest("standalone", "services.standalone", arguments, {}, folder / "log")
    process.start()
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
    try:
        eventually(lambda: _serves(client), "a worker serves the default model", deadline_s=120)
        yield client
    finally:
        client.close()
        process.stop()


def _serves(client: httpx.Client) -> bool:
    try:
        if client.get("/readyz").status_code != 200:
            return False
        queues = client.get("/v1/queues").json()["items"]
    except (httpx.HTTPError, ValueError, KeyError):
        return False
    return any(queue["workers"] > 0 for queue in queues)


def wait_for_picture(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Poll the door that existing users know until the picture is there."""
    for _ in range(600):
        answer: dict[str, Any] = client.get(f"/images/{job_id}/").json()
        if answer["image_url"] is not None:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"no picture: {answer}")


def picture_at(client: httpx.Client, url: str) -> Any:
    """Fetch a picture, as RGB."""
    answer = client.get(url)
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def test_the_first_request_gives_a_picture_of_what_was_asked_for(system: httpx.Client) -> None:
    settings = {"prompt": PROMPT, "seed": 7, "batch_size": "1", "n_iters": "1"}
    accepted = system.post(
        "/images/", json={"generation_settings": settings, "metadata": {"grouping": "first"}}
    )
    assert accepted.status_code == 202, accepted.text
    assert accepted.json()["message"] == "Request is being processed"
    done = wait_for_picture(system, accepted.json()["id"])
    assert done["generation_settings"]["seed"] == 7
    assert len(done["image_urls"]) == 1
    picture = picture_at(system, done["image_url"])
    assert faults(np.asarray(picture), ASKED_FOR) == []
    listed = system.get("/images/", params={"grouping": "first"}).json()
    assert accepted.json()["id"] in str(listed)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another_one(system: httpx.Client) -> None:
    digests = []
    for seed in (11, 11, 12):
        job = system.post(
            "/v1/jobs",
            json={"model": "shapes-64", "input": {"prompt": "a green star", "seed": seed}},
            headers={"Prefer": "wait=60"},
        ).json()
        assert job["status"] == "succeeded"
        digests.append(job["artifacts"][0]["sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_a_job_shows_its_whole_life_and_is_found_by_sql(system: httpx.Client) -> None:
    job = system.post(
        "/v1/jobs",
        json={"model": "shapes-64", "input": {"prompt": "a red circle"}},
        headers={"Prefer": "wait=60"},
    ).json()
    stream = system.get(f"/v1/jobs/{job['id']}/events").text
    kinds = [line.removeprefix("event: ") for line in stream.splitlines() if line.startswith("event: ")]
    assert kinds[0] == "requested"
    assert "attempt_started" in kinds
    assert kinds[-1] == "succeeded"
    query = {"sql": f"select status, model from jobs where id = '{job['id']}'"}
    eventually(
        lambda: system.post("/v1/query", json=query).json().get("rows") == [["succeeded", "shapes-64"]],
        "SQL sees the job",
    )


def test_pictures_of_one_job_are_as_many_as_were_asked_for(system: httpx.Client, tmp_path: Path) -> None:
    settings = {"prompt": "a red circle", "batch_size": 2, "n_iters": 2, "seed": 3}
    job_id = system.post("/images/", json={"generation_settings": settings}).json()["id"]
    done = wait_for_picture(system, job_id)
    assert len(done["image_urls"]) == 4
    assert len({system.get(url).content for url in done["image_urls"]}) == 4
