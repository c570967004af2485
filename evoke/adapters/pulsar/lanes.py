"""The topics of a queue as a worker sees them, and which of them it asks next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pulsar
from pulsar.asyncio import PulsarException

from evoke.adapters.pulsar.place import translated
from evoke.domain.errors import EvokeError
from evoke.domain.topics import Lane


class Source:
    """A consumer without prefetch. `demand` asks the broker for one message, `take` gives what came.

    There is a single unanswered demand at most, and it is never cancelled: that would lose its message.
    """

    def __init__(self, consumer: Any, name: str) -> None:
        self.consumer = consumer
        self.name = name
        self._demand: asyncio.Task[pulsar.Message] | None = None

    @property
    def pending(self) -> asyncio.Task[pulsar.Message] | None:
        """The demand that is under way, or has brought what was not taken yet."""
        return self._demand

    def demand(self) -> asyncio.Task[pulsar.Message]:
        """The demand that is under way; a new one when there is none."""
        if self._demand is None:
            self._demand = asyncio.create_task(self._receive(), name=f"receive of {self.name}")
        return self._demand

    async def _receive(self) -> pulsar.Message:
        message: pulsar.Message = await self.consumer.receive()
        return message

    def take(self) -> pulsar.Message | None:
        """What the demand brought, None while it has brought nothing. Raises Unavailable when it failed."""
        if self._demand is None or not self._demand.done():
            return None
        demand, self._demand = self._demand, None
        if demand.cancelled():  # the process ends
            return None
        try:
            return demand.result()
        except (PulsarException, pulsar.PulsarException) as error:
            raise self.failure(error) from error

    def failure(self, error: Any) -> EvokeError:
        """An error of the client in evoke's words."""
        return translated(
            (getattr(error, "error", None) and error.error()) or error, f"receiving from {self.name}"
        )

    async def give_back(self, message: pulsar.Message) -> None:
        """Let another worker have it, a tenth of a second later."""
        await self.consumer.negative_acknowledge(message)

    async def close(self) -> None:
        """End the demand, and give back what the consumer holds."""
        await self.consumer.close()
        if self._demand is not None:
            await asyncio.wait({self._demand}, timeout=1.0)
            if not self._demand.done():
                self._demand.cancel()
            elif not self._demand.cancelled():
                self._demand.exception()


class Lanes:
    """Interactive goes first, bulk gets its share; the parts of a lane take turns.

    What is asked in vain answers later, and then may have to be given back: so one part is asked at a time.
    """

    def __init__(
        self, interactive: Sequence[Source], retries: Source, bulk: Sequence[Source], bulk_every: int
    ) -> None:
        self.sources = (*interactive, retries, *bulk)
        self._interactive, self._retries, self._bulk = list(interactive), retries, list(bulk)
        self._bulk_every = bulk_every
        self._since_bulk = 0

    def steps(self) -> Sequence[Sequence[Source]]:
        """Whom to ask, one step after the other; those of earlier steps stay asked."""
        first, *others = self._interactive
        interactive = [(first, self._retries), *((source,) for source in others)]
        bulk = [(source,) for source in self._bulk]
        if self._since_bulk < self._bulk_every - 1:
            return [*interactive, *bulk]
        self._since_bulk = 0
        return [*bulk, *interactive]

    def took(self, source: Source) -> Lane:
        """Note that a request was taken from there; say which lane that is."""
        for lane in (self._interactive, self._bulk):
            if source in lane:  # the next part is the first to be asked
                turn = lane.index(source) + 1
                lane[:] = lane[turn:] + lane[:turn]
        if source in self._bulk:
            self._since_bulk = 0
            return Lane.BULK
        self._since_bulk += 1
        return Lane.INTERACTIVE
