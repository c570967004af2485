"""The workers' side of the queues on Pulsar. See `evoke/ports/request_queue.py` for what it promises."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pulsar
import pulsar.asyncio

from evoke.adapters.pulsar.appender import Appender
from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.lanes import Lanes, Source
from evoke.adapters.pulsar.place import ARCHIVE, CALL_S, WORKERS, Place, translated
from evoke.adapters.pulsar.subscription import PulsarSubscription
from evoke.domain import topics
from evoke.domain.errors import InvalidInput, Unavailable
from evoke.domain.topics import Lane
from evoke.ports.request_queue import QueueStats

GIVE_BACK_MS = 100
"""The client's shortest delay of a negative acknowledgement."""


class PulsarQueue:
    """A `RequestQueue`: the Shared subscription `workers`, without prefetch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._consumers = pulsar.asyncio.Client(connection.place.url, **connection.place.client_options())
        self._appender = Appender(connection)
        self._subscriptions: set[PulsarSubscription] = set()

    @classmethod
    async def open(cls, place: Place) -> PulsarQueue:
        """Make the clients; they connect when they are used."""
        return cls(Connection(place))

    async def subscribe(self, queue: str, worker: str, *, bulk_every: int = 8) -> PulsarSubscription:
        """Open a subscription; see `RequestQueue.subscribe`. Raises Unavailable, InvalidInput."""
        if bulk_every < 2:
            raise InvalidInput("bulk_every", "must be at least 2")
        self._connection.require_open()
        opened: list[Source] = []
        try:
            interactive = [await self._open(queue, name, worker, opened) for name in self._lane(queue)]
            retries = await self._open(queue, topics.retry_requested(queue), worker, opened)
            bulk = [await self._open(queue, name, worker, opened) for name in self._lane(queue, Lane.BULK)]
        except BaseException:
            await asyncio.gather(*(source.close() for source in opened), return_exceptions=True)
            raise
        lanes = Lanes(interactive, retries, bulk, bulk_every)
        subscription = PulsarSubscription(queue, lanes, self._appender)
        self._subscriptions.add(subscription)
        return subscription

    def _lane(self, queue: str, lane: Lane = Lane.INTERACTIVE) -> Sequence[str]:
        """The topics of a lane, one for each part."""
        return [topics.requested(queue, lane, part) for part in range(self._connection.place.parts)]

    async def _open(self, queue: str, name: str, worker: str, opened: list[Source]) -> Source:
        await self._connection.call(f"looking for {name}", self._connection.administration.require_kept, name)
        source = Source(await self._consumer(queue, name, worker), name)
        opened.append(source)
        return source

    async def _consumer(self, queue: str, name: str, worker: str) -> Any:
        place = self._connection.place
        backstop = pulsar.ConsumerDeadLetterPolicy(place.most_redeliveries, place.backstop(queue), ARCHIVE)
        try:
            async with asyncio.timeout(2 * CALL_S):
                return await self._consumers.subscribe(
                    place.topic(name),
                    WORKERS,
                    consumer_type=pulsar.ConsumerType.Shared,
                    receiver_queue_size=0,
                    consumer_name=worker,
                    negative_ack_redelivery_delay_ms=GIVE_BACK_MS,
                    initial_position=pulsar.InitialPosition.Earliest,
                    dead_letter_policy=backstop,
                )
        except TimeoutError:
            raise Unavailable(f"subscribing to {name}: the broker does not answer") from None
        except pulsar.asyncio.PulsarException as error:
            raise translated(error.error(), f"subscribing to {name}") from error

    async def stats(self, queue: str) -> QueueStats:
        """Ask the broker; see `RequestQueue.stats`. A retry that is due counts as delayed until it is taken."""
        call, stats = self._connection.call, self._connection.administration.stats
        names = (*self._lane(queue), *self._lane(queue, Lane.BULK), topics.retry_requested(queue))
        *lanes, retries = await asyncio.gather(
            *(call(f"the figures of {name}", stats, name) for name in names)
        )
        interactive, bulk = lanes[: len(lanes) // 2], lanes[len(lanes) // 2 :]
        waiting = {
            Lane.INTERACTIVE: sum(map(_waiting, interactive)),
            Lane.BULK: sum(map(_waiting, bulk)),
        }
        oldest_ms = [
            found["earliestMsgPublishTimeInBacklog"]
            for found in lanes
            if _waiting(found) and found.get("earliestMsgPublishTimeInBacklog", 0) > 0
        ]
        return QueueStats(
            depth=waiting,
            delayed=_waiting(retries),
            in_flight=sum(map(_held, (*lanes, retries))),
            oldest_age_s=max(0.0, time.time() - min(oldest_ms) / 1000) if oldest_ms else None,
            workers=len(interactive[0].get("consumers", ())),
        )

    async def close(self) -> None:
        """Close every subscription and disconnect; see `RequestQueue.close`."""
        if self._connection.closed:
            return
        await self._appender.finish()
        await asyncio.gather(*(subscription.close() for subscription in self._subscriptions))
        try:
            async with asyncio.timeout(CALL_S):
                await self._consumers.close()
        except (TimeoutError, pulsar.asyncio.PulsarException):
            pass  # the broker notices that nobody is there any more
        await self._connection.close()


def _held(found: dict[str, Any]) -> int:
    return int(found.get("unackedMessages", 0))


def _waiting(found: dict[str, Any]) -> int:
    return max(0, int(found.get("msgBacklog", 0)) - _held(found))
