"""Opens what the sidecar works with, and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from evoke import bootstrap
from evoke.domain.errors import InvalidInput
from evoke.domain.retry import RetryPolicy
from evoke.failpoints import Failpoints
from evoke.process import settle
from evoke.settings import Settings
from worker_sidecar.held_jobs import HeldJobs
from worker_sidecar.journal import Journal
from worker_sidecar.metrics import OfQueue, SidecarMetrics
from worker_sidecar.model_link import ModelLink
from worker_sidecar.worker import Worker
from worker_sidecar.workplace import Workplace


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop` is set. Raises InvalidInput for missing settings, LogCorrupt, Unavailable."""
    queue = _required("EVOKE_QUEUE", settings.queue)
    address = _required("EVOKE_MODEL_ADDRESS", settings.model_address)
    catalogue = bootstrap.load_catalogue(settings.catalogue)
    models = [model.id for model in catalogue.models if model.queue == queue]
    if not models:
        raise InvalidInput("EVOKE_QUEUE", f"no model of the catalogue has the queue {queue!r}")
    counted, shown = CollectorRegistry(), CollectorRegistry()
    shown.register(OfQueue(counted, queue))
    ProcessCollector(registry=shown)
    with _metrics_served(settings, shown):
        async with AsyncExitStack() as stack:
            place = await _opened(settings, queue, address, SidecarMetrics(counted, models), stack)
            settle()
            await Worker(place, settings.concurrency, settings.drain_s).work(stop)


def _required(name: str, value: str | None) -> str:
    if not value:
        raise InvalidInput(name, "a sidecar needs it")
    return value


async def _opened(
    settings: Settings, queue: str, address: str, metrics: SidecarMetrics, stack: AsyncExitStack
) -> Workplace:
    """Open every adapter; `stack` closes them in reverse order, so that the subscription gives back what is left."""
    worker = settings.worker or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    traces = bootstrap.open_trace_sink(settings, "sidecar")
    if traces is not None:
        stack.push_async_callback(traces.close)
    log = await bootstrap.open_event_log(settings)
    stack.push_async_callback(log.close)
    requests = await bootstrap.open_request_queue(settings)
    stack.push_async_callback(requests.close)
    blobs = await bootstrap.open_blob_store(settings)
    stack.push_async_callback(blobs.close)
    progress = await bootstrap.open_progress_channel(settings)
    stack.push_async_callback(progress.close)
    model = await bootstrap.connect_model(address)
    stack.push_async_callback(model.close)
    subscription = await requests.subscribe(queue, worker, bulk_every=settings.bulk_every)
    stack.push_async_callback(subscription.close)
    return Workplace(
        worker=worker,
        queue=queue,
        journal=Journal(log, worker, metrics.append_retries.inc, bootstrap.parts_of(settings)),
        held=HeldJobs(log, queue, bootstrap.parts_of(settings)),
        subscription=subscription,
        blobs=blobs,
        progress=progress,
        model=model,
        link=ModelLink(model, metrics.models, settings.model_wait_s, metrics),
        policy=RetryPolicy(
            max_attempts=settings.max_attempts, base_s=settings.retry_base_s, cap_s=settings.retry_cap_s
        ),
        metrics=metrics,
        failpoints=Failpoints(settings.failpoints),
        traces=traces,
    )


@contextmanager
def _metrics_served(settings: Settings, registry: CollectorRegistry) -> Iterator[None]:
    """Answer /metrics on a thread while the block lasts, where a port is set."""
    if not settings.metrics_port:
        yield
        return
    try:
        server, thread = start_http_server(settings.metrics_port, settings.host, registry)
    except OSError as error:
        raise InvalidInput("EVOKE_METRICS_PORT", f"{settings.metrics_port}: {error.strerror}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
