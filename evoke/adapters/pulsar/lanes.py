"""One topic of a queue as a worker sees it: a single unanswered demand at most, which is never cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

import pulsar
from pulsar.asyncio import PulsarException

from evoke.adapters.pulsar.place import translated
from evoke.domain.errors import EvokeError


class Source:
    """A consumer without prefetch. `demand` asks the broker for one message, `take` gives what came."""

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
