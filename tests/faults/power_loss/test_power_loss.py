"""What was acknowledged survives the loss of power, a sync that fails, and a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from evoke.adapters.sqlite.log import SqliteLog
from evoke.adapters.sqlite.queue import SqliteQueue
from evoke.domain import topics
from evoke.domain.errors import EvokeError, StorageFull, Unavailable
from evoke.ports.event_log import LogEntry, Position, Record
from tests.faults.power_loss.disk import Disk

QUEUE = "pictures"
TOPIC = topics.requested(QUEUE)
DEADLINE_S = 60.0

Promises = dict[str, Position]


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The machine's disk before the power goes."""
    (tmp_path / "before").mkdir()
    return tmp_path / "before" / "log.sqlite"


@pytest.fixture
def after(tmp_path: Path) -> Path:
    """The same disk after the restart."""
    (tmp_path / "after").mkdir()
    return tmp_path / "after" / "log.sqlite"


async def append_until_refused(
    log: SqliteLog, promises: Promises, tasks: int = 8, limit: int = 1_000_000
) -> None:
    """Append from several tasks until the log refuses; note what was acknowledged."""
    number = itertools.count()
    name = len(promises)

    async def one(task: int) -> None:
        while (n := next(number)) < limit:
            key = f"job-{name}-{task}-{n}"
            promises[key] = await log.append(Record(TOPIC, key, key.encode() * 30))

    await asyncio.gather(*(one(task) for task in range(tasks)), return_exceptions=True)


async def read_all(log: SqliteLog) -> list[LogEntry]:
    entries: list[LogEntry] = []
    while batch := await log.read(TOPIC, entries[-1].position if entries else None, 1000):
        entries.extend(batch)
    return entries


async def assert_kept(path: Path, promises: Promises) -> None:
    """Open the file as it is now; everything promised is in the log, and can be taken from the queue."""
    log = await SqliteLog.open(path)
    found = {entry.key: entry for entry in await read_all(log)}
    assert not promises.keys() - found.keys(), "acknowledged, and lost"
    for key, position in promises.items():
        assert (found[key].position, found[key].payload) == (position, key.encode() * 30)
    assert await log.append(Record(TOPIC, "later", b"")) > max(promises.values(), default="")
    queue = await SqliteQueue.open(path)
    subscription = await queue.subscribe(QUEUE, "w")
    waiting: set[str] = set()
    while promises.keys() - waiting:
        waiting.update(
            delivery.key for delivery in await asyncio.wait_for(subscription.receive(500), DEADLINE_S)
        )
    await queue.close()
    await log.close()


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_acknowledged_is_lost_with_the_power(before: Path, after: Path, seed: int) -> None:
    disk = Disk(seed)
    log = await SqliteLog.open(before, vfs=disk.name)
    disk.cut_at_write = disk.writes + random.Random(seed).randint(1, 4000)
    promises: Promises = {}
    await append_until_refused(log, promises)
    disk.restart(after.parent)
    await log.close()
    await assert_kept(after, promises)


@pytest.mark.parametrize("seed", range(6))
async def test_a_retry_that_was_acknowledged_is_not_lost_with_the_power(
    before: Path, after: Path, seed: int
) -> None:
    """Between durable writes lie takings and acks that are not synced: they must not endanger the others."""
    disk = Disk(seed)
    log = await SqliteLog.open(before, vfs=disk.name)
    queue = await SqliteQueue.open(before, vfs=disk.name)
    subscription = await queue.subscribe(QUEUE, "w")
    promises: Promises = {}
    delayed: set[str] = set()
    disk.cut_at_write = disk.writes + random.Random(seed).randint(200, 1500)

    async def work() -> None:
        while True:
            for delivery in await subscription.receive(3):
                if delivery.key.endswith("7"):
                    await subscription.retry_later(delivery, 3600)
                    delayed.add(delivery.key)

    working = asyncio.create_task(work())
    await append_until_refused(log, promises)
    await asyncio.gather(working, return_exceptions=True)
    disk.restart(after.parent)
    await queue.close()
    await log.close()
    assert len(delayed) > 1
    log, queue = await SqliteLog.open(after), await SqliteQueue.open(after)
    assert not promises.keys() - {entry.key for entry in await read_all(log)}
    assert (await queue.stats(QUEUE)).delayed >= len(delayed)
    await queue.close()
    await log.close()


async def test_each_retry_is_durable_by_itself(before: Path, after: Path) -> None:
    """No append beside it that would sync the WAL for it."""
    disk = Disk()
    log, queue = await SqliteLog.open(before, vfs=disk.name), await SqliteQueue.open(before, vfs=disk.name)
    subscription = await queue.subscribe(QUEUE, "w")
    await append_until_refused(log, {}, limit=10)
    for delivery in await subscription.receive(10):
        await subscription.retry_later(delivery, 3600)
    disk.cut()
    disk.restart(after.parent)
    await queue.close()
    await log.close()
    queue = await SqliteQueue.open(after)
    assert (await queue.stats(QUEUE)).delayed == 10
    await queue.close()


@pytest.mark.parametrize(("synchronous", "loses"), [("FULL", False), ("NORMAL", True), ("OFF", True)])
def test_the_disk_tells_a_log_that_syncs_from_one_that_does_not(
    before: Path, after: Path, synchronous: str, loses: bool
) -> None:
    """The proof that the tests above can fail: SQLite itself, with less than FULL, loses what it has committed."""
    lost = 0
    for seed in range(8):
        disk = Disk(seed)
        path = before.with_name(f"{seed}.sqlite")
        connection = apsw.Connection(str(path), vfs=disk.name)
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute(f"PRAGMA synchronous = {synchronous}; CREATE TABLE t (n)")
        for number in range(50):
            connection.execute("INSERT INTO t VALUES (?)", (number,))
        disk.cut()
        disk.restart(after.parent)
        disk.dead = False  # so that SQLite can tidy up
        connection.close()
        found = apsw.Connection(str(after.with_name(path.name)))
        try:
            lost += found.execute("SELECT count(*) FROM t").fetchall() != [(50,)]
        except apsw.Error:
            lost += 1
        found.close()
    assert bool(lost) is loses


async def test_a_disk_that_lies_about_syncs_is_noticed_by_these_tests(before: Path, after: Path) -> None:
    """The same check, on the adapter, with a disk that syncs nothing: it must find promises broken."""
    disk = Disk()
    log = await SqliteLog.open(before, vfs=disk.name)
    disk.synced = lambda path: None  # type: ignore[method-assign]  # the fault
    promises: Promises = {}
    await append_until_refused(log, promises, limit=200)
    disk.cut()
    disk.restart(after.parent)
    with pytest.raises((AssertionError, EvokeError)):
        await assert_kept(after, promises)
    await log.close()


async def until_accepted(log: SqliteLog, key: str) -> Position:
    """Append as soon as the log accepts again."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                return await log.append(Record(TOPIC, key, key.encode() * 30))
            except Unavailable:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("failures", [1, 2, 5])
async def test_after_a_failed_sync_the_log_stops_recovers_and_keeps_every_promise(
    before: Path, after: Path, failures: int
) -> None:
    """What the failed sync covered is taken for clean by the kernel: to go on as if nothing was would lose it later."""
    disk = Disk(failures)
    log = await SqliteLog.open(before, vfs=disk.name)
    queue = await SqliteQueue.open(before, vfs=disk.name)
    subscription = await queue.subscribe(QUEUE, "w")
    promises: Promises = {}
    await append_until_refused(log, promises, limit=100)
    await subscription.receive(5)  # committed without a sync: the failed one is the first to cover it
    disk.fail_syncs = failures
    with pytest.raises(Unavailable):
        await log.append(Record(TOPIC, "refused", b""))
    promises["first after"] = await until_accepted(log, "first after")
    await append_until_refused(log, promises, limit=100)
    disk.cut()
    disk.restart(after.parent)
    await queue.close()
    await log.close()
    await assert_kept(after, promises)


@pytest.mark.parametrize("seed", range(8))
async def test_syncs_that_fail_now_and_then_cost_no_promise(before: Path, after: Path, seed: int) -> None:
    """Any sync may fail: of a commit, of a checkpoint, of the recovery itself; in the end the power goes too."""
    chance = random.Random(seed)
    disk = Disk(seed)
    log = await SqliteLog.open(before, vfs=disk.name)
    queue = await SqliteQueue.open(before, vfs=disk.name)
    subscription = await queue.subscribe(QUEUE, "w")
    promises: Promises = {}
    for part in range(6):
        await append_until_refused(log, promises, tasks=1, limit=1 + chance.randrange(300))
        with contextlib.suppress(Unavailable):  # the sync that failed was one of the appends above
            await subscription.receive(2)
        disk.fail_after(chance.randrange(6))
        key = f"part {part}"
        promises[key] = await until_accepted(log, key)
    disk.cut_at_write = disk.writes + chance.randrange(1, 200)
    await append_until_refused(log, promises)
    disk.restart(after.parent)
    await queue.close()
    await log.close()
    await assert_kept(after, promises)


@pytest.mark.parametrize("seed", range(6))
async def test_the_power_may_go_in_the_middle_of_the_recovery(before: Path, after: Path, seed: int) -> None:
    """The WAL has been moved into the file, and its truncation may not have reached the disk."""
    disk = Disk(seed)
    log, queue = await SqliteLog.open(before, vfs=disk.name), await SqliteQueue.open(before, vfs=disk.name)
    subscription = await queue.subscribe(QUEUE, "w")
    promises: Promises = {}
    await append_until_refused(log, promises, limit=600)
    for _ in range(100):
        for delivery in await subscription.receive(4):
            await subscription.ack(delivery)
            promises.pop(delivery.key)
    disk.cut_at_truncation = True
    disk.fail_syncs = 1
    with pytest.raises(Unavailable):
        await log.append(Record(TOPIC, "refused", b""))
    async with asyncio.timeout(DEADLINE_S):
        while not disk.dead:
            await asyncio.sleep(0.02)
    disk.restart(after.parent)
    await queue.close()
    await log.close()
    await assert_kept(after, promises)


async def test_while_the_disk_fails_appends_are_refused_at_once_and_reads_go_on(before: Path) -> None:
    disk = Disk()
    log = await SqliteLog.open(before, vfs=disk.name)
    position = await log.append(Record(TOPIC, "a", b"a"))
    disk.fail_syncs = 1_000_000
    for _ in range(20):
        with pytest.raises(Unavailable):
            await log.append(Record(TOPIC, "b", b"b"))
        assert (await log.read(TOPIC, None, 1))[0].position == position
    disk.fail_syncs = 0
    assert await until_accepted(log, "c") > position
    await log.close()


@pytest.fixture
async def full_disk(before: Path) -> AsyncIterator[tuple[Disk, SqliteLog, Promises]]:
    disk = Disk()
    log = await SqliteLog.open(before, vfs=disk.name)
    promises: Promises = {}
    await append_until_refused(log, promises, limit=100)
    disk.full = True
    yield disk, log, promises
    await log.close()


async def test_a_full_disk_refuses_says_so_and_keeps_what_it_has(
    full_disk: tuple[Disk, SqliteLog, Promises], before: Path
) -> None:
    disk, log, promises = full_disk
    for _ in range(10):
        with pytest.raises(StorageFull):
            await log.append(Record(TOPIC, "refused", b"x" * 10_000))
        assert len(await read_all(log)) == len(promises)
    disk.full = False
    promises["after"] = await log.append(Record(TOPIC, "after", b"after" * 30))
    assert {entry.key for entry in await read_all(log)} == promises.keys()


async def test_a_full_disk_half_accepts_nothing_over_a_restart(
    full_disk: tuple[Disk, SqliteLog, Promises], after: Path
) -> None:
    disk, log, promises = full_disk
    outcomes = await asyncio.gather(
        *(log.append(Record(TOPIC, f"refused-{n}", b"x" * 3000)) for n in range(50)), return_exceptions=True
    )
    assert all(isinstance(outcome, StorageFull) for outcome in outcomes)
    disk.cut()
    disk.restart(after.parent)
    await assert_kept(after, promises)
