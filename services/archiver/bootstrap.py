"""Opens what the archiver works with, and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from evoke.bootstrap import (
    load_catalogue,
    open_archive,
    open_archiver_lease,
    open_event_log,
    open_trace_sink,
    parts_of,
)
from evoke.failpoints import Failpoints
from evoke.ports.archive import Archive
from evoke.ports.lease import Lease
from evoke.settings import Settings
from services.archiver import maintenance
from services.archiver.archiver import Archiver
from services.archiver.batch import Pace
from services.archiver.maintenance import Schedule, Upkeep
from services.archiver.metrics import ArchiverMetrics
from services.archiver.rows import queues_by_topic

log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Archive, as the one active archiver, until SIGTERM or SIGINT; wait as a standby while another one is.

    Raises LogCorrupt, LogReplaced, and Unavailable when what it needs cannot be opened.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    metrics = ArchiverMetrics(registry)
    failpoints = Failpoints(settings.failpoints)
    lease = await open_archiver_lease(settings)
    with _served(settings.host, settings.metrics_port, registry):
        # The archive is opened first, with all that it loads: a standby takes over without delay.
        async with _opened(settings, failpoints) as archive:
            try:
                if await _acquired(lease, stop):
                    metrics.active.set(1)
                    await _archive(settings, archive, failpoints, metrics, stop)
            finally:
                await lease.release()
    log.info("archiver stopped")


async def prepare(settings: Settings) -> None:
    """Make the archive's table where it is missing, so that history can be asked before the first event. Raises
    Conflict, Unavailable."""
    async with _opened(settings) as archive:
        await archive.prepare()
    log.info("the archive is prepared")


async def compact(settings: Settings) -> None:
    """Compact once, also beside a working archiver. Raises Conflict, Unavailable."""
    async with _opened(settings) as archive:
        await archive.prepare()
        await maintenance.compact(archive)
        size = await archive.size()
    log.info("compacted", extra={"files": size.files, "rows": size.rows, "bytes": size.size_bytes})


async def expire(settings: Settings) -> None:
    """Expire snapshots once, also beside a working archiver. Raises Conflict, Unavailable."""
    async with _opened(settings) as archive:
        await archive.prepare()
        await maintenance.expire(archive, settings.archive_grace_s)
        size = await archive.size()
    log.info("expired snapshots", extra={"snapshots": size.snapshots, "files": size.files})


async def _acquired(lease: Lease, stop: asyncio.Event) -> bool:
    """Wait for the lease or for the end, whichever is first; tell whether it is ours."""
    log.info("waiting for the lease")
    acquiring = asyncio.create_task(lease.acquire())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({acquiring, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if acquiring.done():
        acquiring.result()
        return True
    acquiring.cancel()
    return False


async def _archive(
    settings: Settings,
    archive: Archive,
    failpoints: Failpoints,
    metrics: ArchiverMetrics,
    stop: asyncio.Event,
) -> None:
    queues = load_catalogue(settings.catalogue).queues
    schedule = Schedule(
        every_s=settings.archive_compact_s,
        grace_s=settings.archive_grace_s,
        retention_s=settings.log_retention_s,
    )
    traces = open_trace_sink(settings, "archiver")
    event_log = await open_event_log(settings)
    pace = Pace(interval_s=settings.archive_interval_s, max_rows=settings.archive_rows)
    by_topic = queues_by_topic(queues, parts_of(settings))
    archiver = Archiver(event_log, archive, by_topic, pace, metrics, failpoints.reach, traces)
    kept = Upkeep(archive, event_log, lambda: archiver.archived)
    log.info("archiving", extra={"queues": list(queues)})
    try:
        async with asyncio.TaskGroup() as tasks:
            upkeep = tasks.create_task(maintenance.maintain(kept, metrics, schedule))
            await archiver.run(stop)
            upkeep.cancel()
    finally:
        await event_log.close()
        if traces is not None:
            await traces.close()


@asynccontextmanager
async def _opened(settings: Settings, failpoints: Failpoints | None = None) -> AsyncIterator[Archive]:
    on_written = None if failpoints is None else partial(failpoints.reach, "archiver.after_data")
    archive = await open_archive(settings, on_written)
    try:
        yield archive
    finally:
        await archive.close()


@contextmanager
def _served(host: str, port: int, registry: CollectorRegistry) -> Iterator[None]:
    """Serve the metrics at that port, if it is not 0."""
    if port == 0:
        yield
        return
    server, thread = start_http_server(port, host, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
