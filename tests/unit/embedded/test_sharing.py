"""One file in several hands: ports of one process, event loops, wake-ups, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from evoke.adapters.sqlite import requests
from evoke.adapters.sqlite.database import Database
from evoke.adapters.sqlite.file_system import boot_id
from evoke.adapters.sqlite.locks import FileLock, LockFolder
from evoke.adapters.sqlite.log import SqliteLog
from evoke.adapters.sqlite.queue import SqliteQueue
from evoke.adapters.sqlite.schema import connect
from evoke.adapters.sqlite.writer import MAX_WAITING
from evoke.domain.errors import EvokeError, Unavailable
from evoke.ports.event_log import LogEntry, Record
from evoke.settings import load_settings
from tests.contract.second_process import SecondProcess

TOPIC = "attempts_q"
DEADLINE_S = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("log-")]


async def take(tail: AsyncIterator[Sequence[LogEntry]], count: int) -> list[LogEntry]:
    entries: list[LogEntry] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(entries) < count:
            entries.extend(await anext(tail))
    return entries


async def use_everything(path: Path) -> None:
    log, queue = await asyncio.gather(SqliteLog.open(path), SqliteQueue.open(path))
    await log.append(Record("requested_q", "a", b""))
    await anext(log.tail({"requested_q": None, TOPIC: None}))
    subscription = await queue.subscribe("q", "w")
    await subscription.ack((await subscription.receive(1))[0])
    await queue.close()
    await log.close()


async def test_the_log_and_the_queue_of_a_process_share_one_writer(path: Path) -> None:
    log, queue, again = await asyncio.gather(
        SqliteLog.open(path), SqliteQueue.open(path), SqliteLog.open(path)
    )
    assert sorted(own_threads()) == ["log-reader", "log-writer"]
    await log.close()
    await queue.close()
    await again.append(Record(TOPIC, "a", b""))
    await again.close()
    assert own_threads() == []


async def test_closing_leaves_no_thread_no_socket_no_lock_and_no_open_file(path: Path) -> None:
    await use_everything(path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await use_everything(path)
    assert own_threads() == []
    assert len(os.listdir("/proc/self/fd")) == before
    assert os.listdir(path.parent / "sockets") == []
    assert sorted(os.listdir(path.parent / "log.sqlite.locks")) == ["open", "writer", "writer-next"]
    assert not path.with_name("log.sqlite-wal").exists()


async def test_tails_that_nobody_holds_are_forgotten(path: Path) -> None:
    log = await SqliteLog.open(path)
    await log.append(Record(TOPIC, "a", b""))
    for _ in range(50):
        async for _batch in log.tail({TOPIC: None}):
            break
    ears = next(iter(log.database.wakeups._ears.values()))
    assert len(ears.waiters) <= 1
    await log.close()


def test_event_loops_in_several_threads_share_the_file(path: Path) -> None:
    """Tests and tools run a loop in a thread; each waits on its own loop and wakes the others."""
    seen: dict[str, list[str]] = {}

    async def life(name: str) -> None:
        log = await SqliteLog.open(path)
        tail = log.tail({TOPIC: None})
        for number in range(30):
            await log.append(Record(TOPIC, f"{name}-{number}", b""))
        seen[name] = [entry.key for entry in await take(tail, 90)]
        await log.close()

    threads = [threading.Thread(target=asyncio.run, args=(life(name),)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert seen["a"] == seen["b"] == seen["c"]
    assert len(set(seen["a"])) == 90
    assert own_threads() == []


def test_a_loop_that_ended_without_closing_does_not_disturb_the_next(path: Path) -> None:
    async def abandon() -> None:
        log = await SqliteLog.open(path)
        left.append(log)
        await log.append(Record(TOPIC, "a", b""))
        await anext(log.tail({TOPIC: None}))

    async def go_on() -> None:
        log = await SqliteLog.open(path)
        tail = log.tail({TOPIC: None})
        await log.append(Record(TOPIC, "b", b""))
        assert [entry.key for entry in await take(tail, 2)] == ["a", "b"]
        await log.close()
        await left[0].close()

    left: list[SqliteLog] = []
    asyncio.run(abandon())
    asyncio.run(go_on())


async def test_a_commit_of_another_process_wakes_by_a_notification(path: Path) -> None:
    """`wait` is True for a notification alone; a tail that only polled would see False."""
    log = await SqliteLog.open(path)
    wakeup = log.database.wakeups.listen([TOPIC])
    other = SecondProcess(load_settings({"data_dir": path.parent}), "append", (TOPIC, "other", "3"))
    try:
        assert await wakeup.wait(DEADLINE_S)
        wakeup.expect()
        unconcerned = log.database.wakeups.listen(["attempts_other"])
        await other.rest()
        assert not await unconcerned.wait(0.1)
    finally:
        await other.end()
        await log.close()


async def test_a_tail_whose_notifications_are_lost_looks_by_itself(path: Path) -> None:
    log = await SqliteLog.open(path)
    tail = log.tail({TOPIC: None})
    await log.append(Record(TOPIC, "a", b""))
    await take(tail, 1)
    waiting = asyncio.create_task(take(tail, 3))
    await asyncio.sleep(0.05)
    for socket in (path.parent / "sockets").iterdir():
        socket.unlink()
    other = SecondProcess(load_settings({"data_dir": path.parent}), "append", (TOPIC, "other", "3"))
    assert [entry.key for entry in await waiting] == ["other-0", "other-1", "other-2"]
    await other.end()
    await log.close()


async def test_when_too_many_writes_wait_more_are_refused_and_the_others_go_through(path: Path) -> None:
    log = await SqliteLog.open(path)
    lock = FileLock(LockFolder(path).path / "writer")
    lock.take()
    appends = [
        asyncio.ensure_future(log.append(Record(TOPIC, str(n), b""))) for n in range(MAX_WAITING + 2000)
    ]
    while not any(append.done() for append in appends):
        await asyncio.sleep(0.01)
    lock.release()
    outcomes = await asyncio.gather(*appends, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, EvokeError)]
    assert refused
    assert all(isinstance(outcome, Unavailable) for outcome in refused)
    positions = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(positions) >= MAX_WAITING
    assert len(positions) + len(refused) == len(outcomes)
    lock.close()
    await log.close()


async def test_a_write_that_breaks_fails_alone_and_the_thread_lives_on(path: Path) -> None:
    log = await SqliteLog.open(path)
    with pytest.raises(Exception, match="by zero"):
        await log.database.read(lambda connection: 1 / 0)
    assert await log.end(TOPIC) is None
    await log.append(Record(TOPIC, "a", b""))
    await log.close()


async def test_a_tail_of_very_many_topics_sees_them_all(path: Path) -> None:
    log = await SqliteLog.open(path)
    topics = [f"attempts_{number}" for number in range(350)]
    await asyncio.gather(*(log.append(Record(topic, "a", b"")) for topic in topics))
    entries = await take(log.tail(dict.fromkeys(topics)), 350)
    assert sorted(entry.topic for entry in entries) == sorted(topics)
    await log.close()


async def test_a_batch_is_bounded_in_bytes(path: Path) -> None:
    log = await SqliteLog.open(path)
    await asyncio.gather(*(log.append(Record(TOPIC, str(n), bytes(3 << 20))) for n in range(7)))
    tail = log.tail({TOPIC: None})
    sizes: list[int] = []
    while sum(sizes) < 7:
        sizes.append(len(await anext(tail)))
    assert max(sizes) <= 3
    await log.close()


async def test_trimming_many_entries_lets_others_write_in_between(path: Path) -> None:
    log = await SqliteLog.open(path)
    positions = await asyncio.gather(*(log.append(Record(TOPIC, str(n), b"")) for n in range(3500)))
    trimming = asyncio.create_task(log.trim(TOPIC, positions[-1]))
    await log.append(Record(TOPIC, "meanwhile", b""))
    await trimming
    assert [entry.key for entry in await log.read(TOPIC, None, 100)] == ["3499", "meanwhile"]
    await log.close()


async def test_cancelling_an_opening_leaves_nothing_open(path: Path) -> None:
    for _ in range(10):
        opening = asyncio.create_task(SqliteLog.open(path))
        await asyncio.sleep(0.001)
        opening.cancel()
        outcome = (await asyncio.gather(opening, return_exceptions=True))[0]
        if isinstance(outcome, SqliteLog):
            await outcome.close()
    async with asyncio.timeout(DEADLINE_S):
        while own_threads():
            await asyncio.sleep(0.02)


def test_delays_are_void_after_the_machine_was_started_anew(path: Path) -> None:
    """Delays are on the monotonic clock, which begins anew with the machine."""

    async def delay() -> None:
        log, queue = await SqliteLog.open(path), await SqliteQueue.open(path)
        await log.append(Record("requested_q", "a", b""))
        subscription = await queue.subscribe("q", "w")
        [delivery] = await subscription.receive(1)
        await subscription.retry_later(delivery, 3600)
        await queue.close()
        await log.close()

    asyncio.run(delay())
    connection = connect(path, None)
    requests.forget_all(connection, boot_id())
    assert requests.count(connection, "q").delayed == 1
    requests.forget_all(connection, "another boot")
    found = requests.count(connection, "q")
    assert (found.delayed, found.waiting) == (0, (1, 0))
    connection.close()


async def test_one_file_under_two_names_is_opened_once(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    one, other = await Database.acquire(path), await Database.acquire(tmp_path / "link" / "log.sqlite")
    assert one is other
    await one.release()
    await other.release()
