"""What all attempts of a sidecar share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from evoke.domain.retry import RetryPolicy
from evoke.failpoints import Failpoints
from evoke.ports.blob_store import BlobStore
from evoke.ports.model_client import ModelClient
from evoke.ports.progress_channel import ProgressChannel
from evoke.ports.request_queue import Delivery, Subscription
from evoke.ports.trace_sink import TraceSink
from worker_sidecar.held_jobs import HeldJobs
from worker_sidecar.journal import Journal
from worker_sidecar.metrics import SidecarMetrics
from worker_sidecar.model_link import ModelLink
from worker_sidecar.patience import persist
from worker_sidecar.room import Room


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """The worker's name, its way to log, queue, blobs and model, and its rules."""

    worker: str
    queue: str
    journal: Journal
    held: HeldJobs
    subscription: Subscription
    blobs: BlobStore
    progress: ProgressChannel
    model: ModelClient
    link: ModelLink
    policy: RetryPolicy
    metrics: SidecarMetrics
    failpoints: Failpoints
    traces: TraceSink | None = None
    room: Room = field(default_factory=Room)

    async def ack(self, delivery: Delivery) -> None:
        """Acknowledge, however long the queue takes to accept that."""
        await self._persist(lambda: self.subscription.ack(delivery), "an acknowledgement")

    async def give_back(self, delivery: Delivery) -> None:
        """Make the request available to others at once."""
        await self._persist(lambda: self.subscription.give_back(delivery), "giving a request back")

    async def retry_later(self, delivery: Delivery, delay_s: float) -> None:
        """Make the request available after a delay."""
        await self._persist(lambda: self.subscription.retry_later(delivery, delay_s), "a request's delay")

    async def _persist(self, write: Callable[[], Awaitable[None]], what: str) -> None:
        await persist(write, what, self.metrics.append_retries.inc)
