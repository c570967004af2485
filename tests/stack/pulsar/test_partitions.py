"""A queue whose topics have several parts."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter

import pytest

from evoke.bootstrap import open_event_log, open_request_queue, prepare_engine
from evoke.domain import topics
from evoke.domain.ids import uuid7
from evoke.domain.topics import Lane
from evoke.ports.event_log import EventLog, Record
from evoke.ports.request_queue import Delivery, Subscription
from evoke.settings import Settings, load_settings
from tests.stack.servers import PrivateStack

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(120)]

PARTS = 3
DEADLINE_S = 30.0


@pytest.fixture
def settings(servers: PrivateStack) -> Settings:
    servers.start("pulsar")
    return load_settings({"engine": "distributed", **servers.broker_settings(), "pulsar_partitions": PARTS})


def ids(count: int) -> list[str]:
    return [uuid7(time.time_ns() // 1_000_000, secrets.token_bytes(10)) for _ in range(count)]


async def submit(log: EventLog, queue: str, jobs: list[str], lane: Lane = Lane.INTERACTIVE) -> None:
    for job_id in jobs:
        topic = topics.requested(queue, lane, topics.part_of(job_id, PARTS))
        await log.append(Record(topic, job_id, b"{}"))


async def take(subscription: Subscription, count: int) -> list[Delivery]:
    """So many requests, each acknowledged."""
    taken: list[Delivery] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(taken) < count:
            for delivery in await subscription.receive(1):
                taken.append(delivery)
                await subscription.ack(delivery)
    return taken


async def test_a_worker_gets_the_requests_of_all_parts_by_turns(settings: Settings, queue: str) -> None:
    log, requests = await open_event_log(settings), await open_request_queue(settings)
    jobs = ids(60)
    await submit(log, queue, jobs)
    stats = await requests.stats(queue)
    assert sum(stats.depth.values()) == 60
    subscription = await requests.subscribe(queue, "worker")
    taken = [delivery.key for delivery in await take(subscription, 60)]
    assert sorted(taken) == sorted(jobs)
    early = Counter(topics.part_of(key, PARTS) for key in taken[:24])
    assert len(early) == PARTS
    assert min(early.values()) >= 4, "a part waits for the others"
    await requests.close()
    await log.close()


async def test_lanes_keep_their_shares_over_all_parts(settings: Settings, queue: str) -> None:
    log, requests = await open_event_log(settings), await open_request_queue(settings)
    await submit(log, queue, ids(30), Lane.BULK)
    await submit(log, queue, ids(30))
    subscription = await requests.subscribe(queue, "worker", bulk_every=5)
    lanes = [delivery.lane for delivery in await take(subscription, 60)]
    assert 4 <= lanes[:30].count(Lane.BULK) <= 8
    assert lanes.count(Lane.BULK) == 30
    await requests.close()
    await log.close()


async def test_no_request_of_any_part_waits_in_a_busy_worker(settings: Settings, queue: str) -> None:
    log, requests = await open_event_log(settings), await open_request_queue(settings)
    busy, idle = await requests.subscribe(queue, "busy"), await requests.subscribe(queue, "idle")
    waiting = asyncio.create_task(busy.receive(1))
    await asyncio.sleep(0.5)
    await submit(log, queue, ids(1))
    [held] = await waiting
    jobs = ids(12)
    await submit(log, queue, jobs)
    assert sorted(delivery.key for delivery in await take(idle, 12)) == sorted(jobs)
    await busy.ack(held)
    await requests.close()
    await log.close()


def test_topics_are_made_for_every_part(settings: Settings) -> None:
    queue = f"queue_{secrets.token_hex(6)}"
    told = "\n".join(prepare_engine(settings, [queue]))
    for topic in topics.logged(queue, PARTS):
        assert f"topic {topic}: made" in told
