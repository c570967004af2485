"""The contract of `EventLog`."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from evoke.bootstrap import open_event_log
from evoke.domain import topics
from evoke.domain.errors import Unavailable
from evoke.ports.event_log import EventLog, LogEntry, Position, Record
from evoke.settings import Settings
from tests.contract.second_process import SecondProcess

SERVERS = ("pulsar",)

Start = Callable[..., SecondProcess]
DEADLINE_S = 30.0


@pytest.fixture
async def log(settings: Settings) -> AsyncIterator[EventLog]:
    opened = await open_event_log(settings)
    yield opened
    await opened.close()


@pytest.fixture
def topic(queue: str) -> str:
    return topics.attempts(queue)


def record(topic: str, key: str, payload: bytes = b"{}") -> Record:
    return Record(topic, key, payload)


async def append_keys(log: EventLog, topic: str, keys: Sequence[str]) -> list[Position]:
    return [await log.append(record(topic, key)) for key in keys]


async def read_all(log: EventLog, topic: str) -> list[LogEntry]:
    entries: list[LogEntry] = []
    while batch := await log.read(topic, entries[-1].position if entries else None, 100):
        entries.extend(batch)
    return entries


async def take(tail: AsyncIterator[Sequence[LogEntry]], count: int) -> list[LogEntry]:
    """The next `count` entries of a tail; what comes with them in the last batch too."""
    entries: list[LogEntry] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(entries) < count:
            batch = await anext(tail)
            assert batch, "a batch is never empty"
            entries.extend(batch)
    return entries


def keys(entries: Sequence[LogEntry]) -> list[str]:
    return [entry.key for entry in entries]


@pytest.mark.parametrize("payload", [b"", b"{}", bytes(range(256)), b"\xff" * 300_000, "é漢字😀".encode()])
async def test_what_is_appended_is_read_byte_for_byte(log: EventLog, topic: str, payload: bytes) -> None:
    properties = {"ce_id": "1", "traceparent": "00-ab", "name": 'é "quoted" \\'}
    position = await log.append(Record(topic, "job-1", payload, properties))
    assert await log.read(topic, None, 10) == [LogEntry(topic, position, "job-1", payload, properties)]


async def test_positions_grow_in_the_order_of_appends(log: EventLog, topic: str) -> None:
    positions = await append_keys(log, topic, [str(number) for number in range(50)])
    assert positions == sorted(set(positions))
    assert [entry.position for entry in await read_all(log, topic)] == positions


async def test_reading_goes_on_after_a_position_in_pages(log: EventLog, topic: str) -> None:
    positions = await append_keys(log, topic, list("abcdefg"))
    assert keys(await log.read(topic, None, 3)) == ["a", "b", "c"]
    assert keys(await log.read(topic, positions[2], 3)) == ["d", "e", "f"]
    assert keys(await log.read(topic, positions[5], 3)) == ["g"]
    assert await log.read(topic, positions[6], 3) == []


async def test_topics_are_apart(log: EventLog, queue: str) -> None:
    for topic in topics.logged(queue):
        await log.append(record(topic, f"in {topic}"))
    for topic in topics.logged(queue):
        assert keys(await read_all(log, topic)) == [f"in {topic}"]


async def test_an_empty_topic_reads_as_empty_and_has_no_end(log: EventLog, topic: str) -> None:
    assert await log.read(topic, None, 10) == []
    assert await log.end(topic) is None


async def test_finding_keys_returns_all_their_entries_of_those_topics_in_order(
    log: EventLog, queue: str
) -> None:
    wanted, other = topics.attempts(queue), topics.completed(queue)
    for topic, key in ((wanted, "a"), (wanted, "b"), (other, "a"), (wanted, "c"), (wanted, "a")):
        await log.append(record(topic, key=key, payload=f"{topic} {key}".encode()))
    found = await log.find([wanted, other], ["a", "c", "a", "nobody"])
    assert [entry.key for entry in found if entry.topic == wanted] == ["a", "c", "a"]
    assert [(entry.key, entry.payload) for entry in found if entry.topic == other] == [
        ("a", f"{other} a".encode())
    ]
    assert await log.find([topics.dead_letters(queue)], ["a"]) == []
    assert await log.find([], ["a"]) == await log.find([wanted], []) == []


async def test_the_end_is_the_position_of_the_newest_append(log: EventLog, topic: str) -> None:
    for key in "abc":
        assert await log.append(record(topic, key)) == await log.end(topic)


async def test_concurrent_appends_all_arrive_once_and_each_task_in_its_order(
    log: EventLog, topic: str
) -> None:
    async def task(name: int) -> list[Position]:
        return await append_keys(log, topic, [f"{name}-{number}" for number in range(20)])

    by_task = await asyncio.gather(*(task(name) for name in range(40)))
    entries = await read_all(log, topic)
    assert sorted(entry.position for entry in entries) == [entry.position for entry in entries]
    assert sorted(entry.position for entry in entries) == sorted(itertools.chain.from_iterable(by_task))
    for name, positions in enumerate(by_task):
        own = [entry for entry in entries if entry.key.startswith(f"{name}-")]
        assert [entry.position for entry in own] == positions
        assert keys(own) == [f"{name}-{number}" for number in range(20)]


async def test_what_was_appended_is_there_after_reopening(settings: Settings, topic: str) -> None:
    log = await open_event_log(settings)
    await append_keys(log, topic, list("abc"))
    before = await read_all(log, topic)
    await log.close()
    log = await open_event_log(settings)
    assert await read_all(log, topic) == before
    later = await log.append(record(topic, "d"))
    assert later > before[-1].position
    await log.close()


async def test_a_tail_yields_what_is_there_and_then_what_comes(log: EventLog, topic: str) -> None:
    await append_keys(log, topic, list("abc"))
    tail = log.tail({topic: None})
    assert keys(await take(tail, 3)) == ["a", "b", "c"]
    waiting = asyncio.create_task(take(tail, 2))
    await append_keys(log, topic, list("de"))
    assert keys(await waiting) == ["d", "e"]


async def test_a_tail_follows_several_topics_each_from_its_own_position(log: EventLog, queue: str) -> None:
    first, second, third = topics.attempts(queue), topics.completed(queue), topics.dead_letters(queue)
    positions = await append_keys(log, first, list("abc"))
    await append_keys(log, second, list("xyz"))
    tail = log.tail({first: positions[1], second: None, third: None})
    entries = await take(tail, 4)
    assert keys([entry for entry in entries if entry.topic == first]) == ["c"]
    assert keys([entry for entry in entries if entry.topic == second]) == ["x", "y", "z"]
    await log.append(record(third, "late"))
    assert keys(await take(tail, 1)) == ["late"]


async def test_a_tail_of_a_long_log_misses_and_repeats_nothing(log: EventLog, queue: str) -> None:
    wanted = (topics.attempts(queue), topics.completed(queue))
    names = [str(number) for number in range(3000)]
    await asyncio.gather(*(log.append(record(wanted[int(name) % 2], name)) for name in names))
    entries = await take(log.tail(dict.fromkeys(wanted)), len(names))
    for topic in wanted:
        found = [entry for entry in entries if entry.topic == topic]
        assert found == await read_all(log, topic)


async def test_two_tails_see_the_same(log: EventLog, topic: str) -> None:
    tails = [log.tail({topic: None}) for _ in range(2)]
    tasks = [asyncio.create_task(take(tail, 30)) for tail in tails]
    await append_keys(log, topic, [str(number) for number in range(30)])
    first, second = await asyncio.gather(*tasks)
    assert first == second


async def test_waiting_for_a_tail_in_vain_loses_nothing(log: EventLog, topic: str) -> None:
    tail = log.tail({topic: None})
    chance = random.Random(7)
    seen: list[str] = []

    async def append() -> None:
        for number in range(100):
            await log.append(record(topic, str(number)))
            await asyncio.sleep(0)

    appending = asyncio.create_task(append())
    async with asyncio.timeout(DEADLINE_S):
        while len(seen) < 100:
            try:
                seen += keys(await asyncio.wait_for(anext(tail), chance.random() * 0.002))
            except TimeoutError:
                continue
    await appending
    assert seen == [str(number) for number in range(100)]


async def test_closing_the_log_ends_waiting_tails_and_every_later_call(
    settings: Settings, topic: str
) -> None:
    log = await open_event_log(settings)
    position = await log.append(record(topic, "a"))
    tail = log.tail({topic: position})
    waiting = asyncio.ensure_future(anext(tail))
    await asyncio.sleep(0.05)
    await log.close()
    await log.close()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(waiting, DEADLINE_S)
    for call in (
        log.append(record(topic, "b")),
        log.read(topic, None, 1),
        log.end(topic),
        log.trim(topic, position),
    ):
        with pytest.raises(Unavailable):
            await call
    with pytest.raises(Unavailable):
        await anext(log.tail({topic: None}))


async def test_closing_finishes_appends_that_are_under_way(settings: Settings, topic: str) -> None:
    log = await open_event_log(settings)
    appending = [asyncio.create_task(log.append(record(topic, str(number)))) for number in range(100)]
    await asyncio.sleep(0)
    await log.close()
    outcomes = await asyncio.gather(*appending, return_exceptions=True)
    assert not [
        outcome
        for outcome in outcomes
        if isinstance(outcome, Exception) and not isinstance(outcome, Unavailable)
    ]
    log = await open_event_log(settings)
    acknowledged = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert acknowledged == [entry.position for entry in await read_all(log, topic)]
    await log.close()


async def test_a_cancelled_append_is_in_the_log_once_or_not_at_all(log: EventLog, topic: str) -> None:
    for number in range(30):
        appending = asyncio.create_task(log.append(record(topic, str(number))))
        await asyncio.sleep(0.0001 * (number % 10))
        appending.cancel()
        await asyncio.gather(appending, return_exceptions=True)
    await log.append(record(topic, "last"))
    found = keys(await read_all(log, topic))
    assert len(found) == len(set(found))
    assert found[-1] == "last"


async def test_the_tail_of_one_process_sees_the_appends_of_another(
    log: EventLog, topic: str, start_process: Start
) -> None:
    tail = log.tail({topic: None})
    start_process("append", topic, "other", "50")
    assert keys(await take(tail, 50)) == [f"other-{number}" for number in range(50)]


async def test_a_tail_in_another_process_sees_our_appends(
    log: EventLog, topic: str, start_process: Start
) -> None:
    follower = start_process("follow", topic)
    assert await follower.line() == "ready"
    for key in "abc":
        await log.append(record(topic, key))
        assert await follower.line() == key


async def test_an_append_of_another_process_is_at_the_end_once_it_is_acknowledged(
    log: EventLog, topic: str, start_process: Start
) -> None:
    other = start_process("append", topic, "other", "20")
    for key, position in await other.rest():
        end = await log.end(topic)
        assert end is not None
        assert end >= position
        assert key in keys(await read_all(log, topic))


async def test_a_reader_never_finds_a_new_entry_before_one_that_it_has_seen(
    log: EventLog, topic: str, start_process: Start
) -> None:
    tail = log.tail({topic: None})
    for name in ("a", "b", "c"):
        start_process("append", topic, name, "100")
    entries = await take(tail, 300)
    assert [entry.position for entry in entries] == sorted({entry.position for entry in entries})
    assert entries == await read_all(log, topic)


async def test_a_killed_appender_loses_nothing_that_was_acknowledged(
    log: EventLog, topic: str, start_process: Start
) -> None:
    chance = random.Random(11)
    promised: dict[str, Position] = {}
    for life in range(6):
        process = start_process("flood", topic, f"life{life}")
        key, position = await process.line()
        promised[key] = position
        await asyncio.sleep(chance.random() * 0.2)
        process.kill()
        promised.update(await process.rest())
        await log.append(record(topic, f"after {life}"))
    entries = await read_all(log, topic)
    found = {entry.key: entry for entry in entries}
    assert len(found) == len(entries), "an entry is there twice"
    for key, position in promised.items():
        assert found[key].position == position
    for entry in entries:
        assert entry.key.startswith("after") or entry.payload == entry.key.encode() * 50


async def test_trimming_forgets_only_what_is_older(log: EventLog, queue: str) -> None:
    topic, other = topics.attempts(queue), topics.completed(queue)
    positions = await append_keys(log, topic, list("abcdef"))
    await append_keys(log, other, list("xyz"))
    await log.trim(topic, positions[3])
    assert keys(await read_all(log, topic))[-3:] == ["d", "e", "f"]
    assert keys(await read_all(log, other)) == ["x", "y", "z"]
    assert await log.end(topic) == positions[-1]
    assert keys(await log.read(topic, positions[1], 10))[-3:] == ["d", "e", "f"]


async def test_positions_grow_on_after_a_trim(settings: Settings, topic: str) -> None:
    log = await open_event_log(settings)
    positions = await append_keys(log, topic, list("abc"))
    await log.trim(topic, positions[-1])
    await log.close()
    log = await open_event_log(settings)
    assert await log.append(record(topic, "d")) > positions[-1]
    assert keys(await read_all(log, topic))[-1] == "d"
    await log.close()


async def test_a_log_ends_before_none_of_its_own_positions(log: EventLog, topic: str) -> None:
    positions = await append_keys(log, topic, ["a", "b", "c"])
    for position in (None, *positions):
        assert await log.ends_before({topic: position}) == []


async def test_a_log_that_was_set_back_ends_before_what_was_read_of_it(log: EventLog, topic: str) -> None:
    (last,) = await append_keys(log, topic, ["a"])
    # Numbers are hexadecimal digits: one of a later time, which the log would give once more.
    ahead = Position(f"{last[:8]}f{last[9:]}")
    assert ahead > last
    assert await log.ends_before({topic: ahead}) == [topic]


async def test_a_log_has_the_same_name_for_whoever_opens_it(log: EventLog, settings: Settings) -> None:
    other = await open_event_log(settings)
    assert await other.identity() == await log.identity()
    await other.close()
