"""A log that cannot be written, a full disk, and processes that die or are told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evoke.bootstrap import load_catalogue
from evoke.domain.errors import StorageFull, Unavailable
from evoke.ports.event_log import EventLog, Position, Record
from tests.end_to_end.api.world import MODEL, PROMPT, World
from tests.stack.engines import Engine
from tests.system.processes import ProcessUnderTest, eventually, free_port

BODY: dict[str, Any] = {"model": MODEL, "input": PROMPT}


class BrokenLog:
    """A log whose appends fail, over one that works."""

    def __init__(self, log: EventLog, error: Exception) -> None:
        self._log = log
        self._error = error

    async def append(self, record: Record) -> Position:
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@pytest.fixture
async def broken(world: World, request: pytest.FixtureRequest) -> World:
    """A world whose log stops taking appends."""
    object.__setattr__(world.context, "log", BrokenLog(world.context.log, request.param))
    return world


@pytest.mark.parametrize(
    ("broken", "status", "code"),
    [(StorageFull("no space"), 507, "storage_full"), (Unavailable("read-only", 7), 503, "unavailable")],
    indirect=["broken"],
)
async def test_a_log_that_takes_nothing_refuses_and_accepts_nothing(
    broken: World, status: int, code: str
) -> None:
    answer = await broken.http.post("/v1/jobs", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert int(answer.headers["retry-after"]) >= 1
    keyed = await broken.http.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "k"})
    assert keyed.status_code == status
    assert (await broken.http.get("/v1/jobs")).json()["items"] == []
    assert (await broken.http.get("/livez")).status_code == 200


@pytest.fixture
def api(tmp_path: Path, engine: Engine) -> Iterator[ProcessUnderTest]:
    process = _process(tmp_path, engine)
    yield process
    process.kill()


@pytest.fixture
def embedded_api(tmp_path: Path) -> Iterator[ProcessUnderTest]:
    process = _process(tmp_path, Engine())
    yield process
    process.kill()


def _process(folder: Path, engine: Engine, **environment: str) -> ProcessUnderTest:
    engine.prepare(folder, load_catalogue(None).queues)
    settings = {**engine.environment(folder), "EVOKE_PORT": str(free_port()), **environment}
    process = ProcessUnderTest("api", "services.api", [], settings, folder / "api.log")
    process.url = f"http://127.0.0.1:{settings['EVOKE_PORT']}"  # type: ignore[attr-defined]  # the tests' own note
    return process


def _url(process: ProcessUnderTest) -> str:
    found: str = process.url  # type: ignore[attr-defined]  # see _process
    return found


def started(process: ProcessUnderTest, **environment: str) -> httpx.Client:
    """Start it, wait until it is ready, and return a client of it."""
    process.start(**environment)
    client = httpx.Client(base_url=_url(process), timeout=20)

    def ready() -> bool:
        try:
            return client.get("/readyz").is_success
        except httpx.HTTPError:
            return False

    eventually(ready, f"the API is ready: {process.output}")
    return client


def test_what_was_accepted_survives_a_kill(api: ProcessUnderTest) -> None:
    accepted = []
    for _ in range(3):
        client = started(api)
        accepted += [client.post("/v1/jobs", json=BODY).json()["id"] for _ in range(20)]
        api.kill()
    client = started(api)
    listed = [item["id"] for item in client.get("/v1/jobs", params={"limit": 500}).json()["items"]]
    assert listed == sorted(accepted, reverse=True)


@pytest.mark.parametrize(("place", "count"), [("before_append", 0), ("after_append", 1)])
def test_a_death_around_the_append_accepts_once_or_not_at_all(
    api: ProcessUnderTest, place: str, count: int
) -> None:
    client = started(api, EVOKE_FAILPOINTS=f"api.{place}=kill")
    with pytest.raises(httpx.HTTPError):
        client.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "k"})
    assert api.wait_for_exit() == -signal.SIGKILL
    client = started(api)
    assert len(client.get("/v1/jobs").json()["items"]) == count
    again = client.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    assert [item["id"] for item in client.get("/v1/jobs").json()["items"]] == [again.json()["id"]]


def test_a_full_disk_is_507_while_reads_go_on(embedded_api: ProcessUnderTest, tmp_path: Path) -> None:
    """No file may grow beyond 2 MiB: what the kernel then says is what it says on a full disk."""
    api = embedded_api
    client = started(api)
    first = client.post("/v1/jobs", json=BODY).json()
    api.stop()
    limited = ["prlimit", "--fsize=2097152", sys.executable, "-m", "services.api"]
    with (tmp_path / "limited.log").open("wb") as output:
        process = subprocess.Popen(limited, env=api_environment(api), stdout=output, stderr=output)
    try:
        eventually(lambda: _is_ready(client), "the limited API is ready")
        big = {**BODY, "input": {"prompt": "x" * 1000}, "metadata": {"text": "y" * 16_000}}
        statuses: list[int] = []
        while not statuses or (statuses[-1] == 202 and len(statuses) < 2000):
            statuses.append(client.post("/v1/jobs", json=big).status_code)
        assert statuses[-1] in (503, 507)
        assert client.get(f"/v1/jobs/{first['id']}").json()["status"] == "queued"
        accepted = statuses.count(202)
    finally:
        process.terminate()
        process.wait(20)
    client = started(api)
    listed = [item["id"] for item in _all(client)]
    assert len(listed) == len(set(listed)) == accepted + 1


def api_environment(process: ProcessUnderTest) -> dict[str, str]:
    return {**os.environ, **process._environment}


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.HTTPError:
        return False


def _all(client: httpx.Client) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/v1/jobs", params={"limit": "500", **cursor}).json()
        yield from page["items"]
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}


def test_told_to_stop_it_finishes_what_is_under_way_and_ends_its_streams(api: ProcessUnderTest) -> None:
    client = started(api)
    job = client.post("/v1/jobs", json=BODY).json()
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        assert api.stop(grace_s=15) == 0
        assert any("requested" in line for line in lines)


def test_a_wrong_setting_is_named_and_ends_it(tmp_path: Path) -> None:
    process = _process(tmp_path, Engine(), EVOKE_MAX_QUEUED="none")
    process.start()
    assert process.wait_for_exit() == 2
    assert "EVOKE_MAX_QUEUED" in process.output
    assert "Traceback" not in process.output


def test_a_port_that_is_taken_is_named_and_ends_it(api: ProcessUnderTest, tmp_path: Path) -> None:
    started(api)
    other = _process(tmp_path, Engine(), EVOKE_PORT=_url(api).rpartition(":")[2])
    other.start()
    assert other.wait_for_exit() == 2
    assert "EVOKE_PORT" in other.output


def test_a_key_is_made_by_command_and_opens_the_api(api: ProcessUnderTest, tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    command = [
        sys.executable,
        "-m",
        "services.api",
        "keys",
        "create",
        "--file",
        str(file),
        "--tenant",
        "acme",
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    client = started(api, EVOKE_API_KEYS_FILE=str(file))
    assert client.get("/v1/jobs").status_code == 401
    assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {made}"}).status_code == 200


async def test_a_slow_client_holds_up_nobody(world: World) -> None:
    host, port = world.url.removeprefix("http://").split(":")
    connections = [await asyncio.open_connection(host, int(port)) for _ in range(50)]
    for _reader, writer in connections:
        writer.write(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert (await world.submit())["status"] == "queued"
    for _reader, writer in connections:
        writer.close()
