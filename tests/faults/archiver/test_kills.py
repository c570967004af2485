"""The archiver is killed at every place and at any moment: no row is lost, none is there twice."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from evoke import codec
from evoke.bootstrap import load_catalogue, open_archive, open_event_log, open_history
from evoke.domain import topics
from evoke.domain.events import AnyEvent, AttemptStarted, Requested, Succeeded
from evoke.domain.ids import uuid7
from evoke.ports.event_log import EventLog, Record
from evoke.ports.history import History, QueryLimits
from evoke.settings import Settings, load_settings
from tests.faults.archiver.processes import DEADLINE_S, ArchiverProcess

Start = Callable[..., Awaitable[ArchiverProcess]]
QUEUE = "factorial"
TENANT = "default"
TOPICS = tuple(topic for queue in load_catalogue(None).queues for topic in topics.logged(queue))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"data_dir": tmp_path / "data"})


@pytest.fixture
async def event_log(settings: Settings) -> AsyncIterator[EventLog]:
    opened = await open_event_log(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def history(settings: Settings) -> AsyncIterator[History]:
    opened = await open_history(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def start(settings: Settings) -> AsyncIterator[Start]:
    started: list[ArchiverProcess] = []

    async def start_one(*arguments: str, **named: str) -> ArchiverProcess:
        started.append(await ArchiverProcess.start(settings.data_dir, *arguments, **named))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        await process.ended()


async def add_job(event_log: EventLog) -> None:
    """One whole life of a job."""
    now_ms = time.time_ns() // 1_000_000
    job_id = uuid7(now_ms, secrets.token_bytes(10))
    events: dict[str, AnyEvent] = {
        topics.requested(QUEUE): Requested(
            job_id=job_id, tenant=TENANT, queue=QUEUE, model="factorial", time_ms=now_ms, input={"no": 5}
        ),
        topics.attempts(QUEUE): AttemptStarted(
            job_id=job_id,
            tenant=TENANT,
            queue=QUEUE,
            model="factorial",
            time_ms=now_ms,
            attempt_id="a",
            worker="w",
        ),
        topics.completed(QUEUE): Succeeded(
            job_id=job_id, tenant=TENANT, queue=QUEUE, model="factorial", time_ms=now_ms, attempt_id="a"
        ),
    }
    for topic, event in events.items():
        await event_log.append(Record(topic, job_id, codec.encode(event)))


async def logged(event_log: EventLog) -> list[list[str]]:
    """Every entry of the log, as topic, position and payload."""
    found = []
    for topic in TOPICS:
        after = None
        while page := await event_log.read(topic, after, 1000):
            found += [[topic, str(entry.position), entry.payload.decode()] for entry in page]
            after = page[-1].position
    return sorted(found)


async def archived(history: History) -> list[list[str]]:
    """Every row of the archive, as topic, position and payload."""
    sql = "SELECT topic, position, payload FROM job_events"
    result = await history.query(TENANT, sql, QueryLimits(rows=100_000, time_s=DEADLINE_S))
    return sorted(list(row) for row in result.rows)


async def wait_until_archived(event_log: EventLog, history: History) -> None:
    """Wait until the watermark has reached the end of every topic."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            watermark = await history.watermark()
            ends = {topic: await event_log.end(topic) for topic in TOPICS}
            if all(end is None or watermark.get(topic, "") >= end for topic, end in ends.items()):
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("passage", [1, 3])
@pytest.mark.parametrize("place", ["archiver.before_commit", "archiver.after_data", "archiver.after_commit"])
async def test_killed_at_any_place_of_a_commit_it_neither_loses_nor_repeats(
    event_log: EventLog, history: History, start: Start, place: str, passage: int
) -> None:
    dying = await start(failpoints=f"{place}=kill:{passage}")
    while dying.running:
        await add_job(event_log)
        await asyncio.sleep(0.1)
    assert await dying.ended() == -signal.SIGKILL
    await start()
    await wait_until_archived(event_log, history)
    assert await archived(history) == await logged(event_log)


@pytest.mark.timeout(300)
async def test_killed_at_random_moments_while_events_flow_it_neither_loses_nor_repeats(
    event_log: EventLog, history: History, start: Start, settings: Settings
) -> None:
    chance = random.Random(8)
    flowing = asyncio.Event()

    async def flow() -> None:
        while not flowing.is_set():
            await add_job(event_log)
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(flow())
        for _ in range(6):
            before = await history.watermark()
            process = await start()
            # Killed once it works, at a moment that may be within a commit, a compaction or an expiry.
            async with asyncio.timeout(DEADLINE_S):
                while await history.watermark() == before:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(chance.uniform(0, 2))
            process.kill()
            assert await process.ended() == -signal.SIGKILL
        flowing.set()
    last = await start()
    await wait_until_archived(event_log, history)
    assert await archived(history) == await logged(event_log)
    assert await last.stop() == 0
    archive = await open_archive(settings)
    await archive.expire_snapshots(2**42)
    await archive.close()
    assert await archived(history) == await logged(event_log)


async def test_a_standby_takes_over_from_a_killed_archiver(
    event_log: EventLog, history: History, start: Start
) -> None:
    await add_job(event_log)
    active = await start()
    await wait_until_archived(event_log, history)
    standby = await start()
    await add_job(event_log)
    await wait_until_archived(event_log, history)
    assert active.running
    assert standby.running
    active.kill()
    await add_job(event_log)
    await wait_until_archived(event_log, history)
    assert await archived(history) == await logged(event_log)
    assert await standby.stop() == 0


async def test_told_to_stop_it_commits_what_it_has_read(
    event_log: EventLog, history: History, start: Start
) -> None:
    port = free_port()
    process = await start(archive_interval_s="3600", metrics_port=str(port))
    await add_job(event_log)
    async with asyncio.timeout(DEADLINE_S):
        while await metric(port, "evoke_archiver_waiting_rows") < 3:
            await asyncio.sleep(0.1)
    assert await history.watermark() == {}
    assert await process.stop() == 0
    assert await archived(history) == await logged(event_log)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


async def metric(port: int, name: str) -> float:
    """A metric's value; 0 while nothing serves it."""

    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    try:
        text = await asyncio.to_thread(read)
    except OSError:
        return 0.0
    found = (line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name + " "))
    return float(next(found, "0"))


async def test_compaction_and_expiry_can_be_run_by_hand_beside_it(
    event_log: EventLog, history: History, start: Start, settings: Settings
) -> None:
    await start(archive_compact_s="3600")
    for _ in range(20):
        await add_job(event_log)
        await wait_until_archived(event_log, history)
    compacting = await start("compact")
    assert await compacting.ended() == 0
    expiring = await start("expire", archive_grace_s="0.01")
    assert await expiring.ended() == 0
    archive = await open_archive(settings)
    size = await archive.size()
    await archive.close()
    assert size.files < 20
    await add_job(event_log)
    await wait_until_archived(event_log, history)
    assert await archived(history) == await logged(event_log)
