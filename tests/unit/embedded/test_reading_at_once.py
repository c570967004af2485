"""Tails that know that they are at the end wait for word, and read what is new at once; nothing is missed by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from evoke.adapters.sqlite import entries
from evoke.adapters.sqlite import log as adapter
from evoke.adapters.sqlite.database import Database
from evoke.adapters.sqlite.log import SqliteLog
from evoke.adapters.sqlite.reader import HotReader
from evoke.adapters.sqlite.threads import Work
from evoke.domain.errors import LogCorrupt
from evoke.ports.event_log import Record

TOPIC = "attempts_q"
DEADLINE_S = 30.0


@pytest.fixture
async def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteLog]:
    """A log whose tails never look by themselves: what they miss they miss for ever."""
    monkeypatch.setattr(adapter, "POLL_S", 3600.0)
    opened = await SqliteLog.open(tmp_path / "log.sqlite")
    yield opened
    await opened.close()


async def test_a_batch_that_ended_for_its_bytes_is_followed_by_the_rest(log: SqliteLog) -> None:
    payload = b"x" * (entries.BATCH_BYTES // 2)
    for number in range(5):
        await log.append(Record(TOPIC, str(number), payload))
    seen: list[str] = []
    tail = log.tail({TOPIC: None})
    async with asyncio.timeout(DEADLINE_S):
        while len(seen) < 5:
            seen.extend(entry.key for entry in await anext(tail))
    assert seen == ["0", "1", "2", "3", "4"]


async def test_what_is_appended_between_two_looks_is_seen_by_the_next(log: SqliteLog) -> None:
    tail = log.tail({TOPIC: None})
    for number in range(20):
        await log.append(Record(TOPIC, str(number), b""))
        async with asyncio.timeout(DEADLINE_S):
            assert [entry.key for entry in await anext(tail)] == [str(number)]


async def test_what_is_appended_while_a_tail_reads_is_seen_by_its_next_look(
    log: SqliteLog,
) -> None:
    patch = pytest.MonkeyPatch()
    tail = log.tail({TOPIC: None})
    await log.append(Record(TOPIC, "before", b""))
    await anext(tail)
    read_newest = log.database.read_newest

    async def overtaken(work: Work[object]) -> object:
        found = await read_newest(work)
        patch.undo()
        await log.append(Record(TOPIC, "meanwhile", b""))
        return found

    patch.setattr(log.database, "read_newest", overtaken)
    await log.append(Record(TOPIC, "first", b""))
    async with asyncio.timeout(DEADLINE_S):
        assert [entry.key for entry in await anext(tail)] == ["first"]
        assert [entry.key for entry in await anext(tail)] == ["meanwhile"]


async def test_a_read_that_cannot_be_had_at_once_is_left_to_the_thread(log: SqliteLog) -> None:
    await log.append(Record(TOPIC, "a", b""))
    database: Database = log.database
    calls = 0

    def busy_at_first(connection: apsw.Connection) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise apsw.BusyError("somebody recovers the file")
        return calls

    assert await database.read_newest(busy_at_first) == 2


async def test_what_is_wrong_with_a_read_is_told_as_by_the_thread(log: SqliteLog) -> None:
    def damaged(connection: apsw.Connection) -> int:
        raise apsw.CorruptError("malformed")

    with pytest.raises(LogCorrupt):
        await log.database.read_newest(damaged)


def test_one_connection_serves_one_read_at_a_time(tmp_path: Path) -> None:
    reader = HotReader(tmp_path / "log.sqlite", None)
    inner: list[object] = []
    assert reader.attempt(lambda connection: inner.append(reader.attempt(lambda again: 1))) == (None,)
    assert inner == [None]
    reader.close()
    reader.close()
    assert reader.attempt(lambda connection: 1) is None
