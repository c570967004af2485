"""What is under way is bounded, and so is what is kept for the archive: beyond it evoke says no, and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from evoke.adapters.pulsar.appender import MOST_PENDING, MOST_PENDING_BYTES
from evoke.bootstrap import open_event_log, prepare_engine
from evoke.domain import topics
from evoke.domain.errors import StorageFull, Unavailable
from evoke.ports.event_log import EventLog, Record
from evoke.settings import Settings, load_settings
from tests.stack.pulsar.broker import Broker

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(300)]

DEADLINE_S = 60.0
BACKLOG_BYTES = 2 << 20
QUEUE, FULL_QUEUE = "pressed", "filled"
QUICK_CHECKS = {
    "backlogQuotaCheckIntervalInSeconds": 1,
    "managedLedgerMaxEntriesPerLedger": 50,
    "managedLedgerMinLedgerRolloverTimeMinutes": 0,
    "retentionCheckIntervalInSeconds": 1,
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("pressed"), QUICK_CHECKS)
    broker.start()
    yield broker
    broker.end()


@pytest.fixture
def settings(broker: Broker) -> Settings:
    chosen = load_settings({**broker.settings, "pulsar_backlog_bytes": BACKLOG_BYTES})
    for _ in prepare_engine(chosen, [QUEUE, FULL_QUEUE]):
        pass
    return chosen


async def refused_at_once(broker: Broker, log: EventLog, records: list[Record]) -> int:
    """How many appends are refused while the broker hangs; the others must get an answer once it goes on."""
    broker.hang()
    try:
        appends = [asyncio.create_task(log.append(record)) for record in records]
        await asyncio.sleep(3)
        refused = [append for append in appends if append.done()]
        assert all(isinstance(append.exception(), Unavailable) for append in refused)
    finally:
        broker.go_on()
    done, waiting = await asyncio.wait(appends, timeout=DEADLINE_S)
    assert not waiting
    accepted = {
        record.key for record, append in zip(records, appends, strict=True) if append.exception() is None
    }
    assert len(done) == len(records)
    kept: set[str] = set()
    after = None
    while page := await log.read(records[0].topic, after, 1000):
        kept |= {entry.key for entry in page}
        after = page[-1].position
    assert accepted <= kept
    return len(refused)


async def test_beyond_its_bound_of_appends_under_way_it_refuses_at_once(
    broker: Broker, settings: Settings
) -> None:
    log = await open_event_log(settings)
    topic = topics.attempts(QUEUE)
    await log.append(Record(topic, "before", b"{}"))
    records = [Record(topic, str(number), b"{}") for number in range(MOST_PENDING + 500)]
    assert await refused_at_once(broker, log, records) >= 500
    await log.append(Record(topic, "after", b"{}"))
    await log.close()


async def test_beyond_its_bound_of_bytes_under_way_it_refuses_at_once(
    broker: Broker, settings: Settings
) -> None:
    log = await open_event_log(settings)
    topic = topics.completed(QUEUE)
    await log.append(Record(topic, "before", b"{}"))
    payload = bytes(1 << 20)
    most = MOST_PENDING_BYTES // len(payload)
    records = [Record(topic, str(number), payload) for number in range(most + 20)]
    assert await refused_at_once(broker, log, records) >= 20
    await log.close()


async def test_when_too_much_waits_for_the_archive_appends_are_refused_until_it_has_caught_up(
    settings: Settings,
) -> None:
    """The broker never drops what is not archived: its disk is kept from filling up by refusing what is new."""
    log = await open_event_log(settings)
    topic = topics.attempts(FULL_QUEUE)
    accepted: list[str] = []

    async def fill() -> None:
        while True:
            key = str(len(accepted))
            await log.append(Record(topic, key, bytes(20_000)))
            accepted.append(key)
            await asyncio.sleep(0.01)

    with pytest.raises(StorageFull):
        await asyncio.wait_for(fill(), DEADLINE_S)
    kept = await log.read(topic, None, 100_000)
    assert [entry.key for entry in kept][: len(accepted)] == accepted
    await log.trim(topic, kept[-1].position)
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await log.append(Record(topic, "again", b"{}"))
            except StorageFull:
                await asyncio.sleep(0.5)
            else:
                break
    await log.close()
