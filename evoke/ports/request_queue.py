"""The worker's side of a queue. Submissions enter it by `EventLog.append` to a `requested_` topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from evoke.domain.topics import Lane


class Delivery(msgspec.Struct, frozen=True):
    """One request in a worker's hands.

    payload: the raw bytes of `Requested` (perhaps undecodable). receipt: opaque, names this delivery.
    """

    queue: str
    lane: Lane
    key: str
    payload: bytes
    receipt: str
    properties: Mapping[str, str] = {}


class QueueStats(msgspec.Struct, frozen=True, kw_only=True):
    """depth: requests that wait now, by lane; delayed: those that wait for their next attempt.

    in_flight: requests in workers' hands. oldest_age_s: age of the oldest waiting one, None when none waits.
    workers: open subscriptions.
    """

    depth: Mapping[Lane, int]
    delayed: int
    in_flight: int
    oldest_age_s: float | None
    workers: int


class Subscription(Protocol):
    """One worker's hold on a queue. Holds nothing that was not returned by `receive`: no prefetch."""

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """Wait until at least one request is available, and take between 1 and `limit` of them.

        Lanes: interactive first; while both have waiting requests, one in every `bulk_every` taken is bulk. Cancelling
        loses nothing: what was taken goes back at once. What is held stays this worker's until it is acked, given
        back, retried, or this process dies or hangs for longer than the lease.
        """
        ...

    async def ack(self, delivery: Delivery) -> None:
        """The request is done with; it is never delivered again (except after a crash of the queue itself)."""
        ...

    async def give_back(self, delivery: Delivery) -> None:
        """Make the request available to others at once."""
        ...

    async def retry_later(self, delivery: Delivery, delay_s: float) -> None:
        """Make the request available again after `delay_s` seconds. Durable when it returns."""
        ...

    async def close(self) -> None:
        """Give back everything that is held and end the subscription. Idempotent."""
        ...


class RequestQueue(Protocol):
    """At-least-once delivery of requests to competing workers.

    A request is in at most one live worker's hands at a time, except that a worker which hangs for longer than its
    lease may still think it holds one: the log decides then (`AttemptStarted`). The request of a worker that dies
    is delivered to another at once, or when its lease runs out.
    """

    async def subscribe(self, queue: str, worker: str, *, bulk_every: int = 8) -> Subscription:
        """Open a subscription for the worker of that name (unique per process)."""
        ...

    async def stats(self, queue: str) -> QueueStats:
        """Return figures of a queue; what happened in the last second may be missing. Raises Unavailable."""
        ...

    async def close(self) -> None:
        """Close every subscription and release everything. Idempotent."""
        ...
