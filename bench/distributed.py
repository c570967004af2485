"""Log, queue and archive on Pulsar, S3 and an Iceberg REST catalog, all started here: `python -m bench.distributed`.

Beside them, in the same run, what one would do without an archive: reading the topics themselves for one job.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench import load
from bench.pulsar_log import append_ms, start_ms
from bench.report import Figure, print_table, write_json
from bench.stacks import BODY, Evoke, evoke
from evoke import codec
from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.index import looked_through
from evoke.bootstrap import (
    open_archive,
    open_event_log,
    open_request_queue,
    prepare_engine,
    pulsar_place,
)
from evoke.domain import topics
from evoke.domain.events import AnyEvent, AttemptStarted, Requested, Succeeded
from evoke.domain.ids import uuid7
from evoke.ports.event_log import EventLog, Record
from evoke.settings import Settings, load_settings
from infrastructure.local.stack.cache import cache_folder
from infrastructure.local.stack.evoke_settings import environment
from infrastructure.local.stack.servers import SERVERS
from infrastructure.local.stack.stack import Stack

QUEUE = "noop"
CONNECTIONS = 64
RESULTS = Path(__file__).parent / "results" / "distributed.json"
WAVE = 2000


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """A private stack; yields the settings of evoke that name it, as environment variables."""
    stack = Stack(folder / "stack", cache_folder())
    try:
        stack.up((), {name: 0 for server in SERVERS for name in server.ports})
        yield environment(stack.ports)
    finally:
        stack.down(kill=True)


def settings_of(variables: dict[str, str]) -> Settings:
    """The settings object that a process with these variables reads."""
    own = {name.removeprefix("EVOKE_").lower(): value for name, value in variables.items()}
    return load_settings({name: value for name, value in own.items() if not name.startswith("aws_")})


def accept(running_evoke: Evoke, seconds: int) -> list[Figure]:
    """Durable accepts through HTTP, and what the hot view answers. The broker's Java is warm by then."""
    load.post(f"{running_evoke.url}/v1/jobs", BODY, connections=CONNECTIONS, duration_s=seconds)
    submitted = load.post(f"{running_evoke.url}/v1/jobs", BODY, connections=CONNECTIONS, duration_s=seconds)
    job_id = httpx.post(f"{running_evoke.url}/v1/jobs", json=BODY).json()["id"]
    hot = load.get(running_evoke.url, [f"/v1/jobs/{job_id}"], connections=CONNECTIONS, duration_s=seconds)
    rate, p50 = submitted.rate, submitted.p50_ms
    return [
        Figure(name="durable accepts, 64 connections", value=rate, unit="/s", aim=">= 1,500", met=rate >= 1500),
        Figure(name="durable accept, p50", value=p50, unit="ms", aim="<= 25", met=p50 <= 25),
        Figure(name="refused or failed of these", value=submitted.errors, unit="", met=submitted.errors == 0),
        Figure(name="hot GET, 64 connections", value=hot.rate, unit="/s"),
    ]  # fmt: skip


async def pickup(running_evoke: Evoke, settings: Settings, rounds: int) -> Figure:
    """From before the POST until a waiting worker has the request in its hands."""
    requests = await open_request_queue(settings)
    subscription = await requests.subscribe(QUEUE, "bench")
    while True:  # what the load has left
        try:
            for delivery in await asyncio.wait_for(subscription.receive(100), 2):
                await subscription.ack(delivery)
        except TimeoutError:
            break
    times = []
    async with httpx.AsyncClient(base_url=running_evoke.url) as http:
        for _ in range(rounds):
            waiting = asyncio.create_task(subscription.receive(1))
            await asyncio.sleep(0.05)
            began = time.perf_counter()
            (await http.post("/v1/jobs", json=BODY)).raise_for_status()
            [delivery] = await waiting
            times.append(time.perf_counter() - began)
            await subscription.ack(delivery)
    await requests.close()
    p50 = statistics.median(times) * 1000
    return Figure(name="submit to picked up, p50", value=p50, unit="ms", aim="<= 40", met=p50 <= 40)


async def alone(settings: Settings) -> list[Figure]:
    """One append after another, as one worker does."""
    log = await open_event_log(settings)
    appended = await append_ms(log, topics.completed(QUEUE))
    began = await start_ms(log, topics.attempts(QUEUE))
    await log.close()
    return [
        Figure(name="append, one after another, p50", value=appended, unit="ms"),
        Figure(name="start of an attempt: append and read back, p50", value=began, unit="ms"),
    ]


def lives(number: int) -> Iterator[Record]:
    """A job from its request to its end."""
    now_ms = time.time_ns() // 1_000_000
    about: dict[str, Any] = {
        "job_id": uuid7(now_ms, number.to_bytes(10, "big")),
        "tenant": "default",
        "queue": QUEUE,
        "model": "noop",
        "time_ms": now_ms,
    }
    told: dict[str, AnyEvent] = {
        topics.requested(QUEUE): Requested(**about, input=BODY["input"]),  # type: ignore[arg-type]  # a JSON object
        topics.attempts(QUEUE): AttemptStarted(**about, attempt_id="a", worker="w"),
        topics.completed(QUEUE): Succeeded(**about, attempt_id="a", timings_ms={"run": 1.0}),
    }
    for topic, event in told.items():
        yield Record(
            topic, about["job_id"], codec.encode(event), codec.properties(event, "/bench", "0", None)
        )


async def fill(log: EventLog, jobs: int) -> str:
    """Append the lives of so many jobs; return the id of one in the middle."""
    middle = ""
    for start in range(0, jobs, WAVE // 4):
        records = [
            record for number in range(start, min(jobs, start + WAVE // 4)) for record in lives(number)
        ]
        await asyncio.gather(*(log.append(record) for record in records))
        if start <= jobs // 2:
            middle = records[0].key
    return middle


async def archiving(settings: Settings, archiver: int, jobs: int) -> tuple[Figure, str]:
    """How fast an archiver that is behind catches up; and the id of a job."""
    log, archive = await open_event_log(settings), await open_archive(settings)
    await _caught_up(log, archive)
    os.kill(archiver, signal.SIGSTOP)
    middle = await fill(log, jobs)
    os.kill(archiver, signal.SIGCONT)
    began = time.perf_counter()
    await _caught_up(log, archive)
    rate = 3 * jobs / (time.perf_counter() - began)
    await archive.close()
    await log.close()
    met = rate >= 20_000
    return Figure(
        name="archived by one that is behind", value=rate, unit="events/s", aim=">= 20,000", met=met
    ), middle


async def _caught_up(log: EventLog, archive: Any) -> None:
    ends = {topic: await log.end(topic) for topic in topics.logged(QUEUE)}
    while True:
        watermark = await archive.watermark()
        if all(end is None or watermark.get(topic, "") >= end for topic, end in ends.items()):
            return
        await asyncio.sleep(0.05)


async def lookups(settings: Settings, url: str, job_id: str, events: int) -> list[Figure]:
    """One job's events: by reading the topics, and by asking the API of one that left its memory."""
    connection, log = Connection(pulsar_place(settings)), await open_event_log(settings)
    began, found = time.perf_counter(), 0
    for topic in topics.logged(QUEUE):
        end = await log.end(topic)
        if end is not None:
            # A key without a time: nothing but reading from the beginning tells where it is.
            wanted = (job_id, "begins with the first entry")
            what = (looked_through, connection, topic, wanted, end, threading.Event())
            found += len(await connection.call("reading", *what, within_s=600.0))
    scan_ms = (time.perf_counter() - began) * 1000
    await log.close()
    await connection.close()
    if found != 3:
        raise RuntimeError(f"reading the topics found {found} events of {job_id}, not 3")
    name = f"reading the topics ({events:,} events) for one job"
    return [Figure(name=name, value=scan_ms, unit="ms")]


async def measure(folder: Path, variables: dict[str, str], options: argparse.Namespace) -> list[Figure]:
    """All figures."""
    settings = settings_of(variables)
    for _ in prepare_engine(settings, [QUEUE]):
        pass
    own = {**variables, "EVOKE_ARCHIVE_COMPACT_S": "3600"}
    with evoke(folder / "evoke", workers=False, **own) as system:
        figures = await asyncio.to_thread(accept, system, options.seconds)
        figures.append(await pickup(system, settings, options.rounds))
        figures += await alone(settings)
        archived, job_id = await archiving(settings, system.pids["archiver"], options.jobs)
        figures.append(archived)
        figures += await lookups(settings, system.url, job_id, 3 * options.jobs)
    return figures


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each load")
    parser.add_argument("--rounds", type=int, default=200, help="submits that are timed one by one")
    parser.add_argument(
        "--jobs", type=int, default=200_000, help="whose events are archived, and looked through"
    )
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-distributed-"))
    try:
        with servers(folder) as variables:
            os.environ.update({name: value for name, value in variables.items() if name.startswith("AWS_")})
            figures = asyncio.run(measure(folder, variables, options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_table(figures)
    write_json(figures, RESULTS)


if __name__ == "__main__":
    main()
