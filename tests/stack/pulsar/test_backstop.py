"""A request that comes back without end leaves the queue, and is kept."""

from __future__ import annotations

import asyncio

import pytest

from evoke.bootstrap import open_event_log, open_request_queue
from evoke.domain import topics
from evoke.ports.event_log import EventLog, Record
from evoke.ports.request_queue import RequestQueue, Subscription
from evoke.settings import Settings

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(120)]

LIMIT = 4


async def given_back(subscription: Subscription, times: int) -> int:
    """Give what comes back so many times; how often something came."""
    for count in range(times):
        try:
            [delivery] = await asyncio.wait_for(subscription.receive(1), 3)
        except TimeoutError:
            return count
        await subscription.give_back(delivery)
    return times


async def test_beyond_the_limit_it_lies_in_the_backstop_and_the_queue_goes_on(
    settings: Settings, log: EventLog, queue: str
) -> None:
    requests = await open_request_queue(settings.model_copy(update={"pulsar_most_redeliveries": LIMIT}))
    subscription = await requests.subscribe(queue, "worker")
    await log.append(Record(topics.requested(queue), "restless", b"kept to the byte \xff"))
    assert LIMIT <= await given_back(subscription, 4 * LIMIT) < 4 * LIMIT
    await log.append(Record(topics.requested(queue), "next", b"{}"))
    [following] = await asyncio.wait_for(subscription.receive(1), 10)
    assert following.key == "next"
    await requests.close()
    reading = await open_event_log(settings)
    [kept] = await reading.read(f"backstop_{queue}", None, 10)
    assert kept.payload == b"kept to the byte \xff"
    await reading.close()


async def test_by_the_usual_limit_nothing_that_is_given_back_often_is_put_aside(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    subscription = await requests.subscribe(queue, "worker")
    await log.append(Record(topics.requested(queue), "restless", b"{}"))
    assert await given_back(subscription, 40) == 40
    [delivery] = await asyncio.wait_for(subscription.receive(1), 10)
    assert delivery.key == "restless"
