"""A worker's hold on a queue: lanes with weights over three topics, and one free slot for all of them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import pulsar
from pulsar.asyncio import PulsarException

from evoke.adapters.pulsar.appender import Appender
from evoke.adapters.pulsar.lanes import Lanes, Source
from evoke.domain import topics
from evoke.domain.errors import EvokeError, InvalidInput, Unavailable
from evoke.domain.topics import Lane
from evoke.ports.request_queue import Delivery

GRACE_S = 0.03
"""How long a source whose turn it is may take to answer before the next is asked too."""
LANE = "evoke_lane"
"""Property of a request that waits for its next attempt: the lane that it came from."""

_log = logging.getLogger(__name__)


class Held(NamedTuple):
    """A message in this worker's hands."""

    source: Source
    message: pulsar.Message


class PulsarSubscription:
    """A `Subscription`. What came when nobody asked any more goes back at once."""

    def __init__(self, queue: str, lanes: Lanes, appender: Appender) -> None:
        self._queue = queue
        self._lanes = lanes
        self._appender = appender
        self._receipts = itertools.count()
        self._held: dict[str, Held] = {}
        self._one_at_a_time = asyncio.Lock()
        self._receivers = 0
        self._returning: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """Wait for one request, and take more that are there; see `Subscription.receive`. Raises Unavailable."""
        if limit < 1:
            raise InvalidInput("limit", "must be at least 1")
        self._require_open()
        self._receivers += 1
        taken: list[Delivery] = []
        try:
            async with self._one_at_a_time:
                taken.append(await self._next(None))
                async with asyncio.timeout(GRACE_S):  # a job in the hands waits for no other
                    while len(taken) < limit:
                        taken.append(await self._next(GRACE_S))
        except TimeoutError:
            return taken
        except BaseException:
            for delivery in taken:
                self._return_soon(self._held.pop(delivery.receipt))
            raise
        finally:
            self._receivers -= 1
            if not self._receivers:
                self._let_go_of_surplus()
        return taken

    async def _next(self, patience_s: float | None) -> Delivery:
        """The next request by the lanes' turns. Raises TimeoutError when none comes in that time."""
        steps, asked = self._lanes.steps(), list[Source]()
        for number, step in enumerate(steps, 1):
            # A source that has left a demand open has nothing that waits: there is no need to let it go first.
            fresh = any(source.pending is None for source in step)
            asked += step
            found = self._arrived(asked)
            if found is None and (fresh or number == len(steps)):
                found = await self._wait(asked, patience_s if number == len(steps) else GRACE_S)
            if found is not None:
                return self._deliver(found)
        raise TimeoutError

    async def _wait(self, sources: Sequence[Source], timeout_s: float | None) -> Held | None:
        self._require_open()
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait(
                {ended, *(source.demand() for source in sources)},
                timeout=timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ended.cancel()
        self._require_open()
        return self._arrived(sources)

    @staticmethod
    def _arrived(sources: Sequence[Source]) -> Held | None:
        for source in sources:
            message = source.take()
            if message is not None:
                return Held(source, message)
        return None

    def _deliver(self, held: Held) -> Delivery:
        properties = dict(held.message.properties())
        lane = Lane(properties.pop(LANE, self._lanes.took(held.source)))
        receipt = str(next(self._receipts))
        self._held[receipt] = held
        key, payload = held.message.partition_key(), held.message.data()
        return Delivery(self._queue, lane, key, payload, receipt, properties)

    def _let_go_of_surplus(self) -> None:
        """Nobody asks any more: what comes by demands that are still open, and what came, is for others."""
        for source in self._lanes.sources:
            if source.pending is not None:
                source.pending.add_done_callback(partial(self._surplus, source))

    def _surplus(self, source: Source, _demand: object) -> None:
        if self._receivers or self._ended.is_set():
            return
        try:
            message = source.take()
        except EvokeError as error:
            _log.warning("a lane can't be received from", extra={"error": str(error)})
            return
        if message is not None:
            self._return_soon(Held(source, message))

    def _return_soon(self, held: Held) -> None:
        returning = asyncio.ensure_future(held.source.give_back(held.message))
        self._returning.add(returning)
        returning.add_done_callback(self._returned)

    def _returned(self, returning: asyncio.Task[None]) -> None:
        self._returning.discard(returning)
        if not returning.cancelled() and (error := returning.exception()) is not None:
            _log.warning("a surplus request waits for this worker's end", extra={"error": str(error)})

    async def ack(self, delivery: Delivery) -> None:
        """The request is done with; see `Subscription.ack`."""
        self._require_open()
        held = self._held.get(delivery.receipt)
        if held is None:
            return
        try:
            await held.source.consumer.acknowledge(held.message)
        except (PulsarException, pulsar.PulsarException) as error:
            raise held.source.failure(error) from error
        self._held.pop(delivery.receipt, None)

    async def give_back(self, delivery: Delivery) -> None:
        """Let others have the request, within a fifth of a second; see `Subscription.give_back`."""
        self._require_open()
        held = self._held.pop(delivery.receipt, None)
        if held is not None:
            await held.source.give_back(held.message)

    async def retry_later(self, delivery: Delivery, delay_s: float) -> None:
        """Publish it once more with a delay, then acknowledge it; see `Subscription.retry_later`."""
        self._require_open()
        if delivery.receipt not in self._held:
            return
        properties = {**delivery.properties, LANE: delivery.lane.value}
        topic = topics.retry_requested(self._queue)
        await self._appender.append(topic, delivery.key, delivery.payload, properties, delay_s)
        await self.ack(delivery)

    async def close(self) -> None:
        """Give everything back and end; see `Subscription.close`."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._held.clear()
        outcomes = await asyncio.gather(
            *(source.close() for source in self._lanes.sources), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                _log.warning("a subscription ended without a word", extra={"error": str(outcome)})

    def _require_open(self) -> None:
        if self._ended.is_set():
            raise Unavailable("the subscription is closed")
