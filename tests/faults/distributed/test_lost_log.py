"""Pulsar loses its disks: nobody goes on by the old archive's positions, and a restore brings every job to its end."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from evoke.bootstrap import open_event_log, prepare_engine
from evoke.codec import encode, properties
from evoke.domain import topics
from evoke.domain.events import Requested
from evoke.domain.ids import uuid7
from evoke.ports.event_log import Record
from tests.faults.distributed.world import NEEDED, DistributedWorld
from tests.stack.pulsar.broker import Broker
from tests.stack.servers import PrivateStack
from tests.system.processes import ProcessUnderTest, eventually


def now_ms() -> int:
    return time.time_ns() // 1_000_000


pytestmark = [pytest.mark.distributed, pytest.mark.timeout(600)]

ECHO = {"behaviour": "echo"}
WORK = {"behaviour": "work", "seconds": 12}
"""Long enough that its start is archived, and its worker killed, before it ends."""
FINISHED, WAITING, LATER, AT_ONCE = 12, 20, 5, 4
ADVICE = "evoke admin restore"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path, {})
    broker.start()
    yield broker
    broker.end()


@pytest.fixture
def world(
    tmp_path: Path, servers: PrivateStack, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DistributedWorld]:
    """A whole system whose log lies in a broker that may be lost."""
    servers.start(*(name for name in NEEDED if name != "pulsar"))
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    own = {"catalog_namespace": f"evoke_{secrets.token_hex(4)}"}
    world = DistributedWorld(tmp_path, servers, {**broker.settings, **own})
    try:
        world.start()
        yield world
    finally:
        world.close()


def submitted(world: DistributedWorld, count: int, value: dict[str, Any]) -> list[str]:
    return [world.client.submit_until_accepted("scripted", value) for _ in range(count)]


def keyed_submit(world: DistributedWorld) -> str:
    body, key = {"model": "scripted", "input": ECHO}, {"Idempotency-Key": "the-key"}
    answer = httpx.post(f"{world.url}/v1/jobs", json=body, headers=key, timeout=30)
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


def archived(world: DistributedWorld) -> dict[str, Counter[str]]:
    """For each job the types of its archived events; empty while nothing can be asked."""
    sql = {"sql": "SELECT job_id, type, count(*) FROM job_events GROUP BY 1, 2"}
    answer = world.client.post("/v1/query", sql)
    found: dict[str, Counter[str]] = {}
    for job_id, tag, count in answer.json()["rows"] if answer.status_code == 200 else ():
        found.setdefault(job_id, Counter())[tag] = count
    return found


def in_archive(world: DistributedWorld, tag: str, jobs: Sequence[str]) -> bool:
    """Whether the archive has an event of that type of each job."""
    known = archived(world)
    return all(tag in known.get(job_id, ()) for job_id in jobs)


def start_anew(world: DistributedWorld, broker: Broker) -> None:
    """A new Pulsar at the old one's address, prepared as an operator would who has noticed nothing."""
    broker.lose()
    broker.start()
    for _ in prepare_engine(world.settings, [world.queue]):
        pass


def refuses(process: ProcessUnderTest) -> None:
    """It ends by itself, and says what to do."""
    before = len(process.output)
    process.start()
    assert process.wait_for_exit() == 1
    assert ADVICE in process.output[before:]


def restore(world: DistributedWorld, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        check=False,
        args=[sys.executable, "-m", "cli.main", "admin", "restore", *options],
        env={**os.environ, **world.environment, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


def without_position(job: dict[str, Any] | None) -> dict[str, Any]:
    """What a job's document says that does not depend on where it was found."""
    assert job is not None
    return {name: value for name, value in job.items() if name != "position"}


@dataclass
class Past:
    """What happened before the loss, all of it archived. begun: were run when their worker died."""

    finished: list[str]
    begun: list[str]
    waiting: list[str]
    keyed: str
    documents: dict[str, dict[str, Any]]
    archived: dict[str, Counter[str]]

    @property
    def unfinished(self) -> list[str]:
        return [*self.begun, *self.waiting]


def lived(world: DistributedWorld) -> Past:
    """Jobs in every state, until all is archived and nothing runs any more."""
    finished = submitted(world, FINISHED, ECHO)
    for job_id in finished:
        assert world.client.wait(job_id)["status"] == "succeeded"
    begun = submitted(world, AT_ONCE, WORK)
    for job_id in begun:
        world.wait_for_start(job_id)
    waiting = submitted(world, WAITING, ECHO)
    keyed = keyed_submit(world)
    waiting.append(keyed)
    eventually(lambda: in_archive(world, "attempt_started.v1", begun), "the starts are archived")
    world.sidecar.kill()
    world.model.kill()
    eventually(lambda: in_archive(world, "requested.v1", waiting), "all is archived")
    eventually(lambda: in_archive(world, "succeeded.v1", finished), "the ends are archived")
    documents = {job_id: without_position(world.client.job(job_id)) for job_id in finished}
    past = Past(finished, begun, waiting, keyed, documents, archived(world))
    world.api.stop()
    world.archiver.stop()
    return past


def restored_through_kills(world: DistributedWorld, unfinished: int) -> None:
    """Restore, killed on the way and before the end; until it is done, nobody starts."""
    for place in ("restore.after_epoch=kill", "restore.after_job=kill:7", "restore.before_commit=kill"):
        killed = restore(world, EVOKE_FAILPOINTS=place)
        assert killed.returncode == -signal.SIGKILL, killed.stdout
        refuses(world.archiver)
        refuses(world.api)
    done = restore(world)
    assert done.returncode == 0, done.stdout
    assert "The archive reaches to 20" in done.stdout
    assert f"unfinished jobs in their queues: {unfinished}, of which {unfinished} by an" in done.stdout
    again = restore(world)
    assert (again.returncode, "nothing to restore" in again.stdout) == (0, True), again.stdout


def test_after_the_loss_finished_jobs_stay_and_unfinished_ones_end_once(
    world: DistributedWorld, broker: Broker
) -> None:
    past = lived(world)
    start_anew(world, broker)
    refuses(world.archiver)
    refuses(world.api)
    restored_through_kills(world, len(past.unfinished))

    world.restart_what_died()
    world.wait_until_ready()
    later = submitted(world, LATER, ECHO)
    for job_id in (*past.unfinished, *later):
        assert world.client.wait(job_id)["status"] == "succeeded"
    assert {job_id: without_position(world.client.job(job_id)) for job_id in past.finished} == past.documents
    assert keyed_submit(world) == past.keyed
    for job_id in past.begun:  # the start of before the loss counts as it did
        assert (world.client.job(job_id) or {})["attempts"] == 2
    ended = [*past.unfinished, *later]
    eventually(lambda: in_archive(world, "succeeded.v1", ended), "the new ends are archived")
    once = Counter({"requested.v1": 1, "attempt_started.v1": 1, "succeeded.v1": 1})
    assert archived(world) == {
        **{job_id: past.archived[job_id] for job_id in past.finished},
        **dict.fromkeys([*past.waiting, *later], once),
        **dict.fromkeys(past.begun, once + Counter({"attempt_started.v1": 1})),
    }
    assert world.client.broken_promises == []

    world.api.stop()  # who starts anew, from the archive and the new log, knows the same
    world.api.start()
    world.wait_until_ready()
    for job_id in (*past.finished, *ended):
        assert (world.client.job(job_id) or {})["status"] == "succeeded"
    assert world.client.get("/v1/jobs", status="queued").json()["items"] == []


def test_processes_that_outlive_the_log_end_and_what_came_after_the_loss_is_kept(
    world: DistributedWorld, broker: Broker
) -> None:
    finished = submitted(world, FINISHED, ECHO)
    for job_id in finished:
        world.client.wait(job_id)
    eventually(lambda: in_archive(world, "succeeded.v1", finished), "the ends are archived")
    start_anew(world, broker)
    for process in (world.archiver, world.api, world.sidecar):
        assert process.wait_for_exit() == 1, process.name
        assert ADVICE in process.output, process.name

    # As by an API that had not noticed yet.
    late = submit_to_the_log(world)
    refused = restore(world)
    assert refused.returncode == 1, refused.stdout
    assert "--beside-others" in refused.stdout
    refuses(world.archiver)
    done = restore(world, "--beside-others")
    assert done.returncode == 0, done.stdout
    world.restart_what_died()
    world.wait_until_ready()
    assert world.client.wait(late)["status"] == "succeeded"
    eventually(lambda: in_archive(world, "succeeded.v1", [late]), "its end is archived")
    assert set(archived(world)) == {*finished, late}


def submit_to_the_log(world: DistributedWorld) -> str:
    job_id = uuid7(now_ms(), secrets.token_bytes(10))
    about: dict[str, Any] = {"job_id": job_id, "tenant": "default", "queue": world.queue, "model": "scripted"}
    event = Requested(**about, time_ms=now_ms(), input={**ECHO, "text": "late"})

    async def append() -> None:
        log = await open_event_log(world.settings)
        said = properties(event, "/tests", "0", None)
        await log.append(Record(topics.requested(world.queue), job_id, encode(event), said))
        await log.close()

    asyncio.run(append())
    return job_id
