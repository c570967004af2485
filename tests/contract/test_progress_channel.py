"""The contract of `ProgressChannel`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from evoke.bootstrap import open_progress_channel
from evoke.ports.progress_channel import ProgressChannel
from evoke.settings import Settings
from tests.contract.second_process import SecondProcess

SERVERS = ("pulsar",)

Start = Callable[..., SecondProcess]
DEADLINE_S = 30.0


@pytest.fixture
async def channel(settings: Settings) -> AsyncIterator[ProgressChannel]:
    opened = await open_progress_channel(settings)
    yield opened
    await opened.close()


async def hear(reports: AsyncIterator[bytes], count: int = 1) -> list[bytes]:
    async with asyncio.timeout(DEADLINE_S):
        return [await anext(reports) for _ in range(count)]


async def all_that_is_there(reports: AsyncIterator[bytes]) -> list[bytes]:
    heard: list[bytes] = []
    while True:
        try:
            heard.append(await asyncio.wait_for(anext(reports), 0.5))
        except TimeoutError:
            return heard


async def test_who_is_subscribed_hears_what_is_published(channel: ProgressChannel, queue: str) -> None:
    first, second = await channel.subscribe([queue]), await channel.subscribe([queue])
    channel.publish(queue, b"\0\xff 1")
    channel.publish(queue, b"2")
    assert await hear(first, 2) == await hear(second, 2) == [b"\0\xff 1", b"2"]


async def test_only_the_queues_that_were_asked_for_are_heard(channel: ProgressChannel, queue: str) -> None:
    reports = await channel.subscribe([queue, f"{queue}_2"])
    for name in (f"{queue}_3", f"{queue}_2", queue):
        channel.publish(name, name.encode())
    assert await hear(reports, 2) == [f"{queue}_2".encode(), queue.encode()]


async def test_what_was_published_before_is_not_heard(channel: ProgressChannel, queue: str) -> None:
    channel.publish(queue, b"before")
    reports = await channel.subscribe([queue])
    channel.publish(queue, b"after")
    assert await hear(reports) == [b"after"]


async def test_a_burst_of_reports_arrives_whole(channel: ProgressChannel, queue: str) -> None:
    reports = await channel.subscribe([queue])
    for number in range(60):
        channel.publish(queue, b"%d" % number)
    assert await hear(reports, 60) == [b"%d" % number for number in range(60)]


async def test_a_slow_reader_loses_the_oldest_and_stops_nobody(channel: ProgressChannel, queue: str) -> None:
    slow, quick = await channel.subscribe([queue]), await channel.subscribe([queue])
    heard: list[bytes] = []
    for number in range(3000):
        channel.publish(queue, b"%d" % number)
        if number % 10 == 9:
            heard += await hear(quick, 10)
    assert len(heard) == 3000
    late = await all_that_is_there(slow)
    assert 0 < len(late) < 3000
    assert late[-1] == b"2999"


async def test_publishing_to_nobody_is_no_error(channel: ProgressChannel, queue: str) -> None:
    for _ in range(100):
        channel.publish(queue, b"x")


@pytest.mark.parametrize("size_bytes", [0, 1, 1000, 40_000, 100_000])
async def test_previews_arrive_byte_for_byte(channel: ProgressChannel, queue: str, size_bytes: int) -> None:
    reports = await channel.subscribe([queue])
    payload = bytes(number % 251 for number in range(size_bytes))
    channel.publish(queue, payload)
    assert await hear(reports) == [payload]


async def test_a_report_that_is_too_large_is_dropped_alone(channel: ProgressChannel, queue: str) -> None:
    reports = await channel.subscribe([queue])
    channel.publish(queue, bytes(64 << 20))
    channel.publish(queue, b"small")
    assert await hear(reports) == [b"small"]


async def test_waiting_in_vain_loses_nothing(channel: ProgressChannel, queue: str) -> None:
    reports = await channel.subscribe([queue])
    for number in range(20):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(reports), 0.002)
        channel.publish(queue, b"%d" % number)
        assert await hear(reports) == [b"%d" % number]


async def test_a_reader_that_is_gone_stops_nobody(channel: ProgressChannel, queue: str) -> None:
    gone, stays = await channel.subscribe([queue]), await channel.subscribe([queue])
    channel.publish(queue, b"1")
    await hear(gone)
    del gone
    channel.publish(queue, b"2")
    assert await hear(stays, 2) == [b"1", b"2"]


async def test_closing_ends_the_subscriptions_and_later_reports_go_nowhere(
    settings: Settings, queue: str
) -> None:
    channel = await open_progress_channel(settings)
    waiting = asyncio.ensure_future(anext(await channel.subscribe([queue])))
    await asyncio.sleep(0.01)
    await channel.close()
    await channel.close()
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(waiting, DEADLINE_S)
    channel.publish(queue, b"x")


async def test_another_process_hears_our_reports(
    channel: ProgressChannel, queue: str, start_process: Start
) -> None:
    other = start_process("hear", queue)
    assert await other.line() == "ready"
    for text in ("a", "b"):
        channel.publish(queue, text.encode())
        assert await other.line() == text


async def test_we_hear_the_reports_of_another_process_until_it_dies(
    channel: ProgressChannel, queue: str, start_process: Start
) -> None:
    reports = await channel.subscribe([queue])
    other = start_process("publish", queue)
    numbers = [int(report) for report in await hear(reports, 5)]
    assert numbers == sorted(numbers)
    other.kill()
    await other.end()
    channel.publish(queue, b"still here")
    assert (await all_that_is_there(reports))[-1] == b"still here"


async def test_a_killed_listener_stops_nobody(
    channel: ProgressChannel, queue: str, start_process: Start
) -> None:
    doomed, stays = start_process("hear", queue), await channel.subscribe([queue])
    assert await doomed.line() == "ready"
    channel.publish(queue, b"1")
    assert await doomed.line() == "1"
    await doomed.end()
    for number in range(50):
        channel.publish(queue, b"%d" % number)
        assert len(await hear(stays)) == 1
