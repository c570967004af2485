"""What users are promised holds whichever replica they talk to, and whichever replica dies."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from evoke.codec import decode
from evoke.domain.events import AttemptStarted, Requested
from evoke.domain.topics import attempts, completed
from tests.end_to_end.replicas.replicas import Replicas, Rotation, renewed, restarted, running_replicas
from tests.stack.servers import PrivateStack
from tests.system.client import Client
from tests.system.load import read_log
from tests.system.processes import eventually
from tests.system.promises import check_jobs

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(400)]

ECHO = {"behaviour": "echo", "text": "hello"}
TERMINAL = ("succeeded", "failed", "cancelled")


@pytest.fixture(scope="module")
def replicas(servers: PrivateStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in servers.credentials().items():
            patched.setenv(name, value)
        namespace = f"evoke_{secrets.token_hex(6)}"
        with running_replicas(tmp_path_factory.mktemp("replicas"), servers, namespace) as found:
            yield found


def submitted(client: Client, key: str | None = None, **value: Any) -> httpx.Response:
    body = {"model": "scripted", "input": {**ECHO, **value}}
    return httpx.post(
        f"{client.base_url}/v1/jobs",
        json=body,
        headers={} if key is None else {"Idempotency-Key": key},
        timeout=60,
    )


def test_a_job_that_one_replica_accepted_is_never_unknown_to_the_other(replicas: Replicas) -> None:
    for number in range(40):
        asked, told = replicas.apis if number % 2 else reversed(replicas.apis)
        job_id = submitted(asked).json()["id"]
        assert told.get(f"/v1/jobs/{job_id}").status_code == 200


def test_the_other_replica_reads_what_was_written_by_its_position(replicas: Replicas) -> None:
    for number in range(20):
        asked, told = replicas.apis if number % 2 else reversed(replicas.apis)
        job = submitted(asked, behaviour="work", seconds=30).json()
        ended = asked.cancel(job["id"])
        seen = told.get(f"/v1/jobs/{job['id']}", min_position=ended["position"]).json()
        assert seen["status"] == "cancelled"


def test_both_replicas_list_the_same_jobs(replicas: Replicas) -> None:
    job_ids = [submitted(client).json()["id"] for client in (*replicas.apis, *replicas.apis)]
    for job_id in job_ids:
        replicas.one.wait(job_id)
        replicas.other.wait(job_id)
    lists = [
        [(job["id"], job["status"]) for job in client.get("/v1/jobs", limit=500).json()["items"]]
        for client in replicas.apis
    ]
    assert lists[0] == lists[1]
    assert set(job_ids) <= {job_id for job_id, _ in lists[0]}


async def test_of_fifty_equal_submits_at_once_to_both_replicas_one_job_runs(replicas: Replicas) -> None:
    key = secrets.token_hex(8)
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda client: submitted(client, key), [*replicas.apis] * 25))
    assert {answer.status_code for answer in answers} == {202}
    (winner,) = {answer.json()["id"] for answer in answers}
    assert replicas.other.wait(winner)["status"] == "succeeded"
    copy = await read_log(replicas.world)
    events = [decode(entry.payload) for entries in copy.values() for entry in entries]
    sent = [event.job_id for event in events if isinstance(event, Requested) and event.idempotency_key == key]
    for loser in set(sent) - {winner}:
        job = replicas.one.get(f"/v1/jobs/{loser}").json()
        assert (job["status"], job["superseded_by"]) == ("cancelled", winner)


def test_a_key_that_one_replica_took_is_refused_by_the_other_with_another_body(replicas: Replicas) -> None:
    key = secrets.token_hex(8)
    first = submitted(replicas.one, key)
    assert submitted(replicas.other, key).json()["id"] == first.json()["id"]
    assert submitted(replicas.other, key, text="something else").status_code == 422


async def test_jobs_that_wait_are_run_by_all_three_sidecars(replicas: Replicas) -> None:
    job_ids = [submitted(replicas.one, behaviour="work", seconds=1.0).json()["id"] for _ in range(9)]
    for job_id in job_ids:
        assert replicas.other.wait(job_id)["status"] == "succeeded"
    copy = await read_log(replicas.world)
    started = [decode(entry.payload) for entry in copy[attempts(replicas.world.queue)]]
    workers = Counter(
        event.worker for event in started if isinstance(event, AttemptStarted) and event.job_id in job_ids
    )
    assert len(workers) == 3
    assert workers.total() == 9


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_the_standby_archives_on_when_the_active_archiver_is_lost(
    replicas: Replicas, fault: signal.Signals
) -> None:
    lost = replicas.active()
    (standby,) = [archiver for archiver in replicas.archivers if archiver is not lost]
    lost.process.send(fault)
    try:
        eventually(lambda: standby.active, "the standby archives")
        job_id = submitted(replicas.one).json()["id"]
        replicas.one.wait(job_id)
        eventually(lambda: replicas.is_archived(job_id), "what happened since is archived")
    finally:
        lost.process.send(signal.SIGCONT)
        lost.process.kill()
        lost.process.start()
    rows, entries = replicas.archived()
    assert rows == entries > 0


async def test_a_replica_that_dies_costs_nobody_a_job(replicas: Replicas) -> None:
    lasting = submitted(replicas.one, behaviour="work", seconds=2.0).json()["id"]
    replicas.world.api.kill()
    accepted = [submitted(replicas.other).json()["id"] for _ in range(5)]
    restarted(replicas.world.api, replicas.one)
    for job_id in (lasting, *accepted):
        assert replicas.one.wait(job_id)["status"] == "succeeded"
        assert replicas.other.wait(job_id)["status"] == "succeeded"


async def test_a_rolling_upgrade_under_load_refuses_loses_and_doubles_nothing(replicas: Replicas) -> None:
    rotation, over = Rotation(replicas.apis), threading.Event()

    def load() -> list[httpx.Response]:
        answers = []
        while not over.is_set():
            with rotation.one() as client:
                answers.append(submitted(client, behaviour="work", seconds=0.1))
            time.sleep(0.4)
        return answers

    with ThreadPoolExecutor(3) as threads:
        loads = [threads.submit(load) for _ in range(3)]
        try:
            for archiver in replicas.archivers:
                archiver.process.stop()
                archiver.process.start()
            for client, api in zip(replicas.apis, (replicas.world.api, replicas.other_api), strict=True):
                with rotation.without(client):
                    renewed(api, client)
            for container, sidecar in replicas.workplaces:
                sidecar.stop()
                container.stop()
                container.start()
                sidecar.start()
                eventually(lambda: replicas.workers == 3, "all workers are there again")
        finally:
            over.set()
        answers = [answer for each in loads for answer in each.result()]
    assert {answer.status_code for answer in answers} == {202}
    job_ids = [answer.json()["id"] for answer in answers]
    for job_id in job_ids:
        job = replicas.one.wait(job_id)
        assert (job["status"], job["attempts"]) == ("succeeded", 1)
    copy = await read_log(replicas.world)
    ends = Counter(entry.key for entry in copy[completed(replicas.world.queue)])
    assert {job_id: ends[job_id] for job_id in job_ids} == dict.fromkeys(job_ids, 1)


async def test_what_all_replicas_said_agrees_with_the_log(replicas: Replicas) -> None:
    for client in replicas.apis:
        for _ in range(5):
            client.submit_until_accepted("scripted", ECHO)
        for job_id in client.acknowledged:
            client.wait(job_id)
    copy = await read_log(replicas.world)
    for client in replicas.apis:
        check_jobs(client, copy)
