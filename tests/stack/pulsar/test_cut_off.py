"""Processes whose network goes half-open: nothing arrives any more, and no connection ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest

from evoke.adapters.pulsar.place import CALL_S
from evoke.bootstrap import (
    open_archiver_lease,
    open_event_log,
    open_request_queue,
    prepare_engine,
)
from evoke.domain import topics
from evoke.domain.errors import Unavailable
from evoke.ports.event_log import EventLog, Record
from evoke.settings import Settings, load_settings
from tests.stack.pulsar.broker import Broker
from tests.stack.pulsar.proxy import Proxy

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(300)]

QUEUE = "cut_off"
TOPIC = topics.attempts(QUEUE)
KEEP_ALIVE_S = 2
TAKE_OVER_S = 10.0
MENDED_S = 100.0
"""The client notices a dead connection after its own keep-alive, thirty to sixty seconds."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Reached directly and, by another name, through a proxy."""
    broker = Broker(tmp_path_factory.mktemp("cut_off"), {"keepAliveIntervalSeconds": KEEP_ALIVE_S})
    broker.proxy()
    broker.start()
    for _ in prepare_engine(load_settings(broker.settings), [QUEUE]):
        pass
    yield broker
    broker.end()


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    proxy = Proxy(broker.ports["pulsar"], broker.proxy_port)
    yield proxy
    proxy.end()


@pytest.fixture
def near(broker: Broker) -> Settings:
    return load_settings(broker.settings)


@pytest.fixture
def far(broker: Broker, proxy: Proxy) -> Settings:
    """Of a process behind the proxy."""
    return load_settings(broker.settings_through_the_proxy)


@pytest.fixture
async def log(near: Settings) -> AsyncIterator[EventLog]:
    opened = await open_event_log(near)
    yield opened
    await opened.close()


async def test_the_request_of_a_worker_that_is_cut_off_goes_to_another_and_it_comes_back(
    near: Settings, far: Settings, proxy: Proxy, log: EventLog
) -> None:
    away, here = await open_request_queue(far), await open_request_queue(near)
    await log.append(Record(topics.requested(QUEUE), "first", b"{}"))
    cut_off = await away.subscribe(QUEUE, "away")
    [mine] = await asyncio.wait_for(cut_off.receive(1), 30)
    other = await here.subscribe(QUEUE, "here")
    proxy.cut()
    [theirs] = await asyncio.wait_for(other.receive(1), 30)
    assert theirs.key == mine.key == "first"
    late = asyncio.create_task(cut_off.ack(mine))
    await asyncio.sleep(1)
    proxy.mend()
    await asyncio.wait({late}, timeout=30)
    await other.ack(theirs)
    await log.append(Record(topics.requested(QUEUE), "second", b"{}"))
    await other.close()
    [again] = await asyncio.wait_for(cut_off.receive(1), MENDED_S)
    assert again.key == "second"
    await cut_off.ack(again)
    await away.close()
    await here.close()


async def test_an_append_that_does_not_get_through_is_refused_and_later_ones_succeed(
    far: Settings, proxy: Proxy, log: EventLog
) -> None:
    away = await open_event_log(far)
    await away.append(Record(TOPIC, "before", b"{}"))
    proxy.cut()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(away.append(Record(TOPIC, "lost", b"{}")), 60)
    proxy.mend()
    async with asyncio.timeout(MENDED_S):
        while True:
            try:
                await away.append(Record(TOPIC, "after", b"{}"))
            except Unavailable:
                continue
            break
    assert "after" in [entry.key for entry in await log.read(TOPIC, None, 100)]
    await away.close()


async def test_a_tail_that_was_cut_off_brings_each_entry_once(
    far: Settings, proxy: Proxy, log: EventLog
) -> None:
    away = await open_event_log(far)
    tail = cast(Any, away.tail({TOPIC: await log.end(TOPIC)}))
    await log.append(Record(TOPIC, "0", b"{}"))
    seen = [entry.key for entry in await asyncio.wait_for(anext(tail), 30)]
    proxy.cut()
    for number in range(1, 20):
        await log.append(Record(TOPIC, str(number), b"{}"))
    await asyncio.sleep(3 * KEEP_ALIVE_S)
    proxy.mend()
    async with asyncio.timeout(MENDED_S):
        while len(seen) < 20:
            seen += [entry.key for entry in await anext(tail)]
    assert seen == [str(number) for number in range(20)]
    await tail.aclose()
    await away.close()


async def test_the_lease_of_a_holder_that_is_cut_off_goes_to_the_next(
    near: Settings, far: Settings, proxy: Proxy
) -> None:
    holder, standby = await open_archiver_lease(far), await open_archiver_lease(near)
    await holder.acquire()
    waiting = asyncio.ensure_future(standby.acquire())
    await asyncio.sleep(1)
    assert not waiting.done()
    proxy.cut()
    await asyncio.wait_for(waiting, TAKE_OVER_S)
    proxy.mend()
    await holder.release()
    await standby.release()


async def test_a_process_that_starts_waits_for_a_broker_that_is_slow_to_answer(
    broker: Broker, near: Settings
) -> None:
    """As one that has just started itself is: its first answers take longer than a call may."""
    broker.hang()
    try:
        opening = asyncio.create_task(open_event_log(near))
        await asyncio.wait({opening}, timeout=CALL_S + 3)
        assert not opening.done(), "it gave up after the first call"
    finally:
        broker.go_on()
    log = await opening
    assert await log.identity()
    await log.close()
