"""The contract of `RequestQueue` and `Subscription`."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from evoke.bootstrap import open_event_log, open_request_queue
from evoke.domain import topics
from evoke.domain.errors import Unavailable
from evoke.domain.topics import Lane
from evoke.ports.event_log import EventLog, Record
from evoke.ports.request_queue import Delivery, QueueStats, RequestQueue, Subscription
from evoke.settings import Settings
from tests.contract.conftest import LEASE_S
from tests.contract.second_process import SecondProcess

SERVERS = ("pulsar",)

Start = Callable[..., SecondProcess]
DEADLINE_S = 30.0
A_WHILE_S = 0.4
"""How long a test watches that nothing happens."""


@pytest.fixture
async def log(settings: Settings) -> AsyncIterator[EventLog]:
    opened = await open_event_log(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def requests(settings: Settings) -> AsyncIterator[RequestQueue]:
    opened = await open_request_queue(settings)
    yield opened
    await opened.close()


async def submit(log: EventLog, queue: str, *keys: str, lane: Lane = Lane.INTERACTIVE) -> None:
    for key in keys:
        await log.append(Record(topics.requested(queue, lane), key, key.encode(), {"ce_id": key}))


async def receive(subscription: Subscription, count: int = 1) -> list[Delivery]:
    """Receive exactly `count` deliveries, one by one."""
    deliveries: list[Delivery] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(deliveries) < count:
            deliveries += await subscription.receive(1)
    return deliveries


async def nothing_comes(subscription: Subscription) -> bool:
    try:
        await asyncio.wait_for(subscription.receive(1), A_WHILE_S)
    except TimeoutError:
        return True
    return False


async def until(requests: RequestQueue, queue: str, holds: Callable[[QueueStats], bool]) -> QueueStats:
    """Wait until the queue's figures are such."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds(stats := await requests.stats(queue)):
            await asyncio.sleep(0.02)
    return stats


def keys(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.key for delivery in deliveries]


async def test_a_request_is_delivered_byte_for_byte(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    payload = bytes(range(256))
    await log.append(Record(topics.requested(queue), "job-1", payload, {"traceparent": "00-ab"}))
    [delivery] = await receive(await requests.subscribe(queue, "w"))
    assert (delivery.queue, delivery.lane, delivery.key) == (queue, Lane.INTERACTIVE, "job-1")
    assert (delivery.payload, delivery.properties) == (payload, {"traceparent": "00-ab"})


async def test_requests_come_in_the_order_of_their_submission(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    names = [str(number) for number in range(20)]
    await submit(log, queue, *names)
    assert keys(await receive(await requests.subscribe(queue, "w"), 20)) == names


async def test_a_waiting_worker_gets_what_is_submitted_later(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    subscription = await requests.subscribe(queue, "w")
    waiting = asyncio.create_task(receive(subscription))
    await asyncio.sleep(0.02)
    await submit(log, queue, "a")
    assert keys(await waiting) == ["a"]


async def test_receive_takes_as_many_as_asked_for_and_no_more(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, *"abcdefg")
    subscription, other = await requests.subscribe(queue, "w"), await requests.subscribe(queue, "other")
    first = await subscription.receive(3)
    assert 1 <= len(first) <= 3
    rest = await receive(other, 7 - len(first))
    assert sorted(keys([*first, *rest])) == list("abcdefg")


async def test_a_worker_that_does_not_ask_holds_nothing(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await requests.subscribe(queue, "idle")
    busy = await requests.subscribe(queue, "busy")
    await submit(log, queue, *"abcd")
    assert sorted(keys(await receive(busy, 4))) == list("abcd")


async def test_no_request_waits_in_a_busy_worker_while_another_is_idle(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    busy, idle = await requests.subscribe(queue, "busy"), await requests.subscribe(queue, "idle")
    for number in range(5):
        waiting = asyncio.create_task(receive(busy))
        await asyncio.sleep(0.1)  # until it waits on all lanes
        await submit(log, queue, f"long-{number}")
        [held] = await waiting
        await submit(log, queue, f"a-{number}", f"b-{number}")
        await submit(log, queue, f"c-{number}", lane=Lane.BULK)
        assert sorted(keys(await receive(idle, 3))) == [f"{name}-{number}" for name in "abc"]
        await busy.ack(held)


async def test_queues_are_apart(log: EventLog, requests: RequestQueue, queue: str) -> None:
    await submit(log, f"{queue}_other", "theirs")
    await submit(log, queue, "ours")
    subscription = await requests.subscribe(queue, "w")
    assert keys(await receive(subscription)) == ["ours"]
    assert await nothing_comes(subscription)


async def test_what_is_held_is_delivered_to_nobody_else(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, "a")
    await receive(await requests.subscribe(queue, "w"))
    assert await nothing_comes(await requests.subscribe(queue, "other"))


async def test_what_is_acked_never_comes_again(settings: Settings, log: EventLog, queue: str) -> None:
    await submit(log, queue, "a", "b")
    requests = await open_request_queue(settings)
    subscription = await requests.subscribe(queue, "w")
    first, second = await receive(subscription, 2)
    await subscription.ack(first)
    await requests.close()
    requests = await open_request_queue(settings)
    subscription = await requests.subscribe(queue, "w")
    assert keys(await receive(subscription)) == [second.key]
    assert await nothing_comes(subscription)
    await requests.close()


async def test_what_is_given_back_goes_to_another(log: EventLog, requests: RequestQueue, queue: str) -> None:
    await submit(log, queue, "a")
    subscription, other = await requests.subscribe(queue, "w"), await requests.subscribe(queue, "other")
    [delivery] = await receive(subscription)
    waiting = asyncio.create_task(receive(other))
    await asyncio.sleep(0.02)
    await subscription.give_back(delivery)
    [again] = await waiting
    assert (again.key, again.payload) == (delivery.key, delivery.payload)


async def test_what_is_to_be_retried_later_waits_while_others_pass(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, "late", "b", "c")
    subscription = await requests.subscribe(queue, "w")
    [delivery] = await receive(subscription)
    await subscription.retry_later(delivery, 2.0)
    await until(
        requests,
        queue,
        lambda stats: (stats.delayed, sum(stats.depth.values()), stats.in_flight) == (1, 2, 0),
    )
    assert keys(await receive(subscription, 3)) == ["b", "c", "late"]


async def test_a_retry_without_delay_comes_at_once(log: EventLog, requests: RequestQueue, queue: str) -> None:
    await submit(log, queue, "a")
    subscription = await requests.subscribe(queue, "w")
    for _ in range(3):
        [delivery] = await receive(subscription)
        await subscription.retry_later(delivery, 0.0)
    assert keys(await receive(subscription)) == ["a"]


async def test_a_retry_outlives_the_worker_that_asked_for_it(
    settings: Settings, log: EventLog, queue: str
) -> None:
    await submit(log, queue, "a")
    requests = await open_request_queue(settings)
    subscription = await requests.subscribe(queue, "w")
    [delivery] = await receive(subscription)
    await subscription.retry_later(delivery, 0.3)
    await requests.close()
    requests = await open_request_queue(settings)
    assert keys(await receive(await requests.subscribe(queue, "other"))) == ["a"]
    await requests.close()


async def test_interactive_goes_first_and_bulk_gets_its_share(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, *(f"b{number}" for number in range(6)), lane=Lane.BULK)
    await submit(log, queue, *(f"i{number}" for number in range(12)))
    subscription = await requests.subscribe(queue, "w", bulk_every=4)
    lanes = [delivery.lane for delivery in await receive(subscription, 18)]
    assert lanes[:3] == [Lane.INTERACTIVE] * 3
    assert lanes[:16].count(Lane.BULK) == 4
    for start in range(13):
        assert Lane.BULK in lanes[start : start + 4], "bulk starves"
    assert lanes[16:] == [Lane.BULK] * 2


async def test_taking_several_at_once_keeps_the_shares_of_the_lanes(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, *(f"b{number}" for number in range(20)), lane=Lane.BULK)
    await submit(log, queue, *(f"i{number}" for number in range(20)))
    subscription = await requests.subscribe(queue, "w", bulk_every=5)
    taken: list[Delivery] = []
    while len(taken) < 20:
        taken += await subscription.receive(7)
    assert 3 <= [delivery.lane for delivery in taken[:20]].count(Lane.BULK) <= 5


async def test_bulk_alone_is_drained_in_order(log: EventLog, requests: RequestQueue, queue: str) -> None:
    await submit(log, queue, *"abc", lane=Lane.BULK)
    assert keys(await receive(await requests.subscribe(queue, "w"), 3)) == list("abc")


async def test_cancelling_a_receive_at_any_moment_loses_nothing(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    chance = random.Random(3)
    subscription, other = await requests.subscribe(queue, "w"), await requests.subscribe(queue, "other")
    received: list[str] = []
    for number in range(120):
        early = number % 2 == 0  # the request is there before the receive begins, or comes while it waits
        if early:
            await submit(log, queue, str(number))
        waiting = asyncio.create_task(subscription.receive(2))
        if not early:
            await asyncio.sleep(0)
            await submit(log, queue, str(number))
        await asyncio.sleep(chance.random() * 0.002)
        waiting.cancel()
        outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
        if not isinstance(outcome, BaseException):
            received += keys(outcome)
    received += keys(await receive(other, 120 - len(received)))
    assert Counter(received) == Counter(str(number) for number in range(120))


async def test_competing_workers_share_the_requests_and_each_is_done_once(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    done: list[str] = []

    async def worker(name: str) -> None:
        subscription = await requests.subscribe(queue, name)
        while True:
            for delivery in await subscription.receive(3):
                done.append(delivery.key)
                await subscription.ack(delivery)

    workers = [asyncio.create_task(worker(f"w{number}")) for number in range(6)]
    names = [str(number) for number in range(300)]
    await asyncio.gather(*(submit(log, queue, name) for name in names))
    await until(requests, queue, lambda stats: sum(stats.depth.values()) + stats.in_flight == 0)
    for task in workers:
        task.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert sorted(done) == sorted(names)


async def test_concurrent_receives_of_one_subscription_get_different_requests(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    subscription = await requests.subscribe(queue, "w")
    slots = [asyncio.create_task(receive(subscription)) for _ in range(16)]
    await submit(log, queue, *(str(number) for number in range(16)))
    received = [key for deliveries in await asyncio.gather(*slots) for key in keys(deliveries)]
    assert sorted(received) == sorted(str(number) for number in range(16))


async def test_a_receipt_of_the_past_acts_on_nothing(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, "a")
    subscription, other = await requests.subscribe(queue, "w"), await requests.subscribe(queue, "other")
    [old] = await receive(subscription)
    await subscription.give_back(old)
    [now] = await receive(other)
    await subscription.give_back(old)
    await subscription.retry_later(old, 0.0)
    assert await nothing_comes(subscription)
    assert (await requests.stats(queue)).in_flight == 1
    await other.ack(now)


async def test_closing_a_subscription_gives_everything_back(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, *"abc")
    subscription, other = await requests.subscribe(queue, "w"), await requests.subscribe(queue, "other")
    await receive(subscription, 3)
    waiting = asyncio.create_task(receive(other, 3))
    await asyncio.sleep(0.02)
    await subscription.close()
    await subscription.close()
    assert sorted(keys(await waiting)) == list("abc")


async def test_a_closed_subscription_refuses_and_ends_a_waiting_receive(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    subscription = await requests.subscribe(queue, "w")
    await submit(log, queue, "a")
    [delivery] = await receive(subscription)
    waiting = asyncio.ensure_future(subscription.receive(1))
    await asyncio.sleep(0.02)
    await subscription.close()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(waiting, DEADLINE_S)
    with pytest.raises(Unavailable):
        await subscription.receive(1)
    with pytest.raises(Unavailable):
        await subscription.ack(delivery)


async def test_a_closed_queue_refuses(settings: Settings, queue: str) -> None:
    requests = await open_request_queue(settings)
    await requests.close()
    await requests.close()
    with pytest.raises(Unavailable):
        await requests.subscribe(queue, "w")
    with pytest.raises(Unavailable):
        await requests.stats(queue)


async def test_the_figures_say_where_requests_stand(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    empty = await requests.stats(queue)
    assert (dict(empty.depth), empty.delayed, empty.in_flight) == ({Lane.INTERACTIVE: 0, Lane.BULK: 0}, 0, 0)
    assert (empty.oldest_age_s, empty.workers) == (None, 0)
    await submit(log, queue, *"abcd")
    await submit(log, queue, *"xyz", lane=Lane.BULK)
    subscription = await requests.subscribe(queue, "w")
    await requests.subscribe(queue, "idle")
    deliveries = await receive(subscription, 2)
    await subscription.retry_later(deliveries[0], 60.0)
    stats = await until(
        requests, queue, lambda stats: (stats.delayed, stats.in_flight, stats.workers) == (1, 1, 2)
    )
    assert dict(stats.depth) == {Lane.INTERACTIVE: 2, Lane.BULK: 3}
    assert stats.oldest_age_s is not None
    assert 0 <= stats.oldest_age_s < DEADLINE_S


async def test_a_live_worker_keeps_what_it_holds_beyond_its_lease(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, "a")
    await receive(await requests.subscribe(queue, "w"))
    other = asyncio.ensure_future((await requests.subscribe(queue, "other")).receive(1))
    await asyncio.sleep(3 * LEASE_S)
    assert not other.done()
    assert (await requests.stats(queue)).in_flight == 1
    other.cancel()


async def test_the_requests_of_a_killed_worker_go_to_another(
    log: EventLog, requests: RequestQueue, queue: str, start_process: Start
) -> None:
    await submit(log, queue, *"abc")
    doomed = start_process("hold", queue, "doomed", "3")
    assert [await doomed.line() for _ in range(3)] == list("abc")
    other = asyncio.create_task(receive(await requests.subscribe(queue, "other"), 3))
    await asyncio.sleep(0.05)
    assert not other.done()
    doomed.kill()
    assert sorted(keys(await other)) == list("abc")
    await until(requests, queue, lambda stats: stats.workers == 1)


async def test_a_worker_that_comes_after_the_death_gets_the_requests_too(
    log: EventLog, requests: RequestQueue, queue: str, start_process: Start
) -> None:
    await submit(log, queue, "a")
    doomed = start_process("hold", queue, "doomed", "1")
    assert await doomed.line() == "a"
    doomed.kill()
    assert keys(await receive(await requests.subscribe(queue, "late"))) == ["a"]


async def test_the_requests_of_a_hanging_worker_go_to_another_when_its_lease_runs_out(
    settings: Settings, log: EventLog, requests: RequestQueue, queue: str, start_process: Start
) -> None:
    await submit(log, queue, "a")
    hanging = start_process("hold", queue, "hanging", "1")
    assert await hanging.line() == "a"
    hanging.stop()
    other = await requests.subscribe(queue, "other")
    [delivery] = await receive(other)
    assert delivery.key == "a"
    hanging.go_on()
    (settings.data_dir / "let-go").touch()
    assert await hanging.line() == "acked"
    assert (await requests.stats(queue)).in_flight == 1, "a lost lease acked another worker's request"
    await other.ack(delivery)
    assert await nothing_comes(other)


async def test_workers_that_are_killed_again_and_again_lose_no_request(
    log: EventLog, requests: RequestQueue, queue: str, start_process: Start
) -> None:
    chance = random.Random(5)
    names = [str(number) for number in range(800)]
    seen: set[str] = set()
    for life in range(4):
        await asyncio.gather(*(submit(log, queue, name) for name in names[life * 200 : life * 200 + 200]))
        process = start_process("work", queue, f"life{life}")
        _, key = await process.line()
        seen.add(key)
        await asyncio.sleep(chance.random() * 0.1)
        process.kill()
        seen.update(key for _, key in await process.rest())
    survivor = await requests.subscribe(queue, "survivor")
    while (stats := await requests.stats(queue)).in_flight or sum(stats.depth.values()):
        try:
            deliveries = await asyncio.wait_for(survivor.receive(50), 1.0)
        except TimeoutError:  # the figures lag behind
            continue
        for delivery in deliveries:
            seen.add(delivery.key)
            await survivor.ack(delivery)
    assert seen == set(names)


async def test_a_worker_in_another_process_is_woken_by_our_append(
    log: EventLog, queue: str, start_process: Start
) -> None:
    worker = start_process("work", queue, "other")
    for name in "abc":
        await submit(log, queue, name)
        assert await worker.line() == ["taken", name]
        assert await worker.line() == ["acked", name]


async def test_a_request_that_is_queued_outlives_the_trimming_of_the_log(
    log: EventLog, requests: RequestQueue, queue: str
) -> None:
    await submit(log, queue, *"abcd")
    subscription = await requests.subscribe(queue, "w")
    held = await receive(subscription)
    end = await log.end(topics.requested(queue))
    assert end is not None
    await log.trim(topics.requested(queue), end)
    await subscription.give_back(held[0])
    assert sorted(delivery.payload for delivery in await receive(subscription, 4)) == [b"a", b"b", b"c", b"d"]
