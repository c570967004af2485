"""A lease by an exclusive consumer: the broker gives it to the next one when the holder's connection ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pulsar

from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.place import Place

_POLL_S = 0.5


class PulsarLease:
    """A `Lease`. A holder that hangs is known by the broker's keep-alive (its `keepAliveIntervalSeconds`)."""

    def __init__(self, place: Place, name: str) -> None:
        self._place = place
        self._name = name
        self._connection: Connection | None = None

    async def acquire(self) -> None:
        """See `Lease.acquire`."""
        if self._connection is not None:
            return
        connection = Connection(self._place)
        try:
            while not await connection.call(f"the lease {self._name}", self._take, connection):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection

    async def release(self) -> None:
        """See `Lease.release`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _take(self, connection: Connection) -> bool:
        try:
            self._subscribe(connection)
        except pulsar.ConsumerBusy:
            return False
        return True

    def _subscribe(self, connection: Connection) -> Any:
        return connection.client.subscribe(
            self._place.topic(f"lease_{self._name}"),
            "holder",
            consumer_type=pulsar.ConsumerType.Exclusive,
            receiver_queue_size=1,
        )
