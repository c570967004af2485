"""Looking entries up by key, in topics that are larger than what is kept in memory."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator

import pytest

from evoke.adapters.pulsar.dropped import MOST_KEYS, Dropped
from evoke.bootstrap import open_event_log
from evoke.domain import topics
from evoke.domain.ids import uuid7
from evoke.ports.event_log import EventLog, Record
from evoke.settings import Settings

BOUND_BYTES = 1 << 20
PAYLOAD = b"x" * 20_000
MANY = 200
"""So many of these payloads are four times the bound."""


@pytest.fixture
async def narrow(settings: Settings, queue: str) -> AsyncIterator[EventLog]:
    """A log whose index holds a part of the topic."""
    opened = await open_event_log(settings.model_copy(update={"pulsar_index_bytes": BOUND_BYTES}))
    yield opened
    await opened.close()


def job_id(age_s: float = 0) -> str:
    return uuid7(time.time_ns() // 1_000_000 - int(age_s * 1000), secrets.token_bytes(10))


async def append(log: EventLog, topic: str, keys: list[str]) -> None:
    await asyncio.gather(*(log.append(Record(topic, key, PAYLOAD)) for key in keys))


@pytest.mark.distributed
@pytest.mark.parametrize("timed", [True, False])
async def test_what_has_left_the_index_is_found_in_the_topic(
    narrow: EventLog, queue: str, timed: bool
) -> None:
    topic = topics.attempts(queue)
    keys = [job_id() if timed else f"name-{number}" for number in range(MANY)]
    await append(narrow, topic, keys)
    await append(narrow, topic, keys[:1])
    for key in (keys[0], keys[MANY // 2], keys[-1], keys[0]):
        found = await narrow.find([topic], [key])
        assert [entry.key for entry in found] == [key] * (2 if key == keys[0] else 1)
    found = await narrow.find([topic], keys)
    assert sorted(entry.key for entry in found) == sorted([*keys, keys[0]])
    assert [entry.position for entry in found] == sorted(entry.position for entry in found)


@pytest.mark.distributed
async def test_a_job_that_is_older_than_the_index_is_found_whoever_asked_first(
    log: EventLog, queue: str
) -> None:
    topic = topics.attempts(queue)
    keys = [job_id(age_s) for age_s in (0, 3600, 7200)]
    await append(log, topic, keys)
    found = await asyncio.gather(*(log.find([topic], [key]) for key in (*keys, *keys)))
    assert [[entry.key for entry in entries] for entries in found] == [[key] for key in (*keys, *keys)]


@pytest.mark.distributed
async def test_a_job_that_is_newer_than_all_that_was_written_is_known_to_have_nothing(
    log: EventLog, queue: str
) -> None:
    topic = topics.attempts(queue)
    await append(log, topic, [job_id()])
    much_newer = job_id(age_s=-3600)
    assert await log.find([topic], [much_newer]) == []
    await append(log, topic, [much_newer])
    assert [entry.key for entry in await log.find([topic], [much_newer])] == [much_newer]


@pytest.mark.distributed
async def test_a_key_without_a_time_is_looked_for_in_a_topic_whose_entries_are_all_trimmed(
    log: EventLog, queue: str
) -> None:
    topic = topics.attempts(queue)
    await append(log, topic, ["gone", "kept"])
    (*_, last) = await log.read(topic, None, 10)
    await log.trim(topic, last.position)
    assert [entry.key for entry in await log.find([topic], ["kept"])] in ([], ["kept"])
    await append(log, topic, ["new"])
    assert [entry.key for entry in await log.find([topic], ["new"])] == ["new"]


def test_a_key_that_was_dropped_is_always_known_and_another_hardly_ever() -> None:
    dropped = Dropped()
    assert not dropped.perhaps("never")
    for number in range(10_000):
        dropped.add(f"job-{number}")
    assert all(dropped.perhaps(f"job-{number}") for number in range(10_000))
    assert sum(dropped.perhaps(f"other-{number}") for number in range(10_000)) < 20
    assert not dropped.full
    assert MOST_KEYS > 10_000
