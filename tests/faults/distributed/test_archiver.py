"""The archiver between Pulsar and a REST catalog: killed anywhere, without its servers, in company, or too late."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from evoke.bootstrap import open_archive, open_event_log, open_request_queue, prepare_engine
from evoke.domain.errors import Conflict, Unavailable
from evoke.ports.event_log import EventLog
from tests.contract.archive_world import LONG_AGO_MS
from tests.contract.archive_world import World as ArchiveWorld
from tests.faults.distributed.archiving import DEADLINE_S, Archiving
from tests.stack.pulsar.broker import Broker
from tests.stack.servers import PrivateStack

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(300)]

SMALL_LEDGERS = {
    "managedLedgerMaxEntriesPerLedger": 20,
    "managedLedgerMinLedgerRolloverTimeMinutes": 0,
    "retentionCheckIntervalInSeconds": 1,
}


@pytest.fixture
def archiving(tmp_path: Path, servers: PrivateStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archiving]:
    servers.start("pulsar", "nessie")
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    opened = Archiving(tmp_path, servers.settings(), f"archived_{secrets.token_hex(4)}")
    for _ in prepare_engine(opened.settings, [opened.queue]):
        pass
    yield opened
    opened.end()
    servers.start("pulsar", "nessie")


@pytest.fixture
async def log(archiving: Archiving) -> AsyncIterator[EventLog]:
    opened = await open_event_log(archiving.settings)
    yield opened
    await opened.close()


@pytest.mark.parametrize("place", ["archiver.before_commit", "archiver.after_data", "archiver.after_commit"])
async def test_killed_at_any_place_of_a_commit_it_neither_loses_nor_repeats(
    archiving: Archiving, log: EventLog, place: str
) -> None:
    dying = archiving.archiver(failpoints=f"{place}=kill:2")
    async with asyncio.timeout(DEADLINE_S):
        while dying.alive:
            await archiving.add_job(log)
            await asyncio.sleep(0.2)
    assert dying.wait_for_exit() == -signal.SIGKILL
    archiving.archiver()
    await archiving.wait_until_archived(await archiving.logged(log))


async def test_while_others_commit_to_the_table_it_neither_loses_nor_repeats(
    archiving: Archiving, log: EventLog
) -> None:
    archiving.archiver()
    archive = await open_archive(archiving.settings)
    await archive.prepare()
    ours = 0
    for _ in range(25):
        await archiving.add_job(log)
        other = ArchiveWorld(archive, f"other_{archiving.queue}")
        other.job(LONG_AGO_MS)
        await archive.watermark()
        try:
            await other.commit()
        except Conflict:
            continue
        ours += 1
    await archive.close()
    assert ours, "nobody was ever in the way"
    await archiving.wait_until_archived(await archiving.logged(log))


@pytest.mark.parametrize("server", ["nessie", "versitygw", "pulsar"])
async def test_while_a_server_is_dead_it_waits_and_goes_on_when_the_server_is_back(
    archiving: Archiving, log: EventLog, servers: PrivateStack, server: str
) -> None:
    archiver = archiving.archiver()
    await archiving.add_job(log)
    await archiving.wait_until_archived(await archiving.logged(log))
    servers.kill(server)
    if server != "pulsar":
        for _ in range(5):
            await archiving.add_job(log)
            await asyncio.sleep(0.3)
    await asyncio.to_thread(servers.start, server)
    await _until_it_takes_a_job(archiving, log)
    await archiving.wait_until_archived(await archiving.logged(log))
    assert archiver.alive


async def _until_it_takes_a_job(archiving: Archiving, log: EventLog) -> None:
    """A broker that has just come back may be too slow for an append, which is refused then."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                return await archiving.add_job(log)
            except Unavailable:
                await asyncio.sleep(0.2)


async def test_what_happened_while_it_was_down_is_kept_beyond_retention_and_then_let_go(
    tmp_path: Path, servers: PrivateStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker drops what is acknowledged by all as soon as it may: here every second, twenty entries at once."""
    servers.start("nessie")
    for name, value in servers.credentials().items():
        monkeypatch.setenv(name, value)
    broker = Broker(tmp_path, SMALL_LEDGERS)
    broker.start()
    own = {**broker.settings, "catalog_namespace": f"evoke_{secrets.token_hex(4)}"}
    archiving = Archiving(tmp_path, {**servers.settings(), **own}, f"late_{secrets.token_hex(4)}")
    try:
        for _ in prepare_engine(archiving.settings, [archiving.queue]):
            pass
        log = await open_event_log(archiving.settings)
        for _ in range(100):
            await archiving.add_job(log)
        await _work_off(archiving, 100)
        await asyncio.sleep(5)
        kept = await archiving.logged(log)
        assert len(kept) == 300
        archiving.archiver(log_retention_s="1", archive_compact_s="1")
        await archiving.wait_until_archived(kept)
        async with asyncio.timeout(DEADLINE_S):
            while len(await archiving.logged(log)) > 3 * 21:
                await asyncio.sleep(0.5)
        assert await archiving.archived() == kept
        await log.close()
    finally:
        archiving.end()
        broker.end()


async def _work_off(archiving: Archiving, count: int) -> None:
    """Take and acknowledge every request, so that the archive alone holds them."""
    requests = await open_request_queue(archiving.settings)
    subscription = await requests.subscribe(archiving.queue, "worker")
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(count):
            for delivery in await subscription.receive(1):
                await subscription.ack(delivery)
    await requests.close()
