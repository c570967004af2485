"""Producers, one for each topic, kept open; the broker's acknowledgement settles an append."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pulsar

from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.place import CALL_S, translated
from evoke.adapters.pulsar.positions import position_of
from evoke.domain.errors import EvokeError, Unavailable
from evoke.ports.event_log import Position

MOST_PENDING = 4096
"""Appends of a topic under way at once; beyond it they are refused, which the API tells as 503."""


class Appender:
    """Appends to durable topics. Cancelling an append leaves open whether it is in the log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producers: dict[str, asyncio.Task[Any]] = {}
        self._pending: set[asyncio.Future[Position]] = set()
        self._loop = asyncio.get_running_loop()

    async def append(
        self, topic: str, key: str, payload: bytes, properties: Mapping[str, str], delay_s: float = 0.0
    ) -> Position:
        """Append durably. Raises Unavailable, StorageFull, InvalidInput when it is too large."""
        self._connection.require_open()
        producer = await self._producer(topic)
        settled: asyncio.Future[Position] = self._loop.create_future()
        what = f"appending to {topic}"

        def acknowledged(result: pulsar.Result, message_id: pulsar.MessageId) -> None:
            outcome = position_of(message_id) if result == pulsar.Result.Ok else translated(result, what)
            try:
                self._loop.call_soon_threadsafe(_settle, settled, outcome)
            except RuntimeError:
                return  # the loop is closed: nobody waits

        self._pending.add(settled)
        settled.add_done_callback(self._pending.discard)
        later = {"deliver_after": timedelta(seconds=delay_s)} if delay_s > 0 else {}
        try:
            producer.send_async(
                payload, acknowledged, properties=dict(properties), partition_key=key, **later
            )
        except pulsar.PulsarException as error:
            settled.cancel()
            raise translated(error, what) from error
        return await settled

    async def finish(self) -> None:
        """Wait until what is under way has its answer."""
        while self._pending:
            await asyncio.wait(self._pending, timeout=CALL_S)

    async def _producer(self, topic: str) -> Any:
        opening = self._producers.get(topic)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
            opening = self._producers[topic] = asyncio.create_task(self._open(topic))
        return await asyncio.shield(opening)

    async def _open(self, topic: str) -> Any:
        return await self._connection.call(f"opening {topic}", self._open_now, topic)

    def _open_now(self, topic: str) -> Any:
        self._connection.administration.require_kept(topic)
        return self._connection.client.create_producer(
            self._connection.place.topic(topic),
            send_timeout_millis=int(CALL_S * 1000),
            max_pending_messages=MOST_PENDING,
            block_if_queue_full=False,
            # A batch goes to one worker as a whole, and a consumer without prefetch takes none.
            batching_enabled="requested_" not in topic or topic.startswith("dlq_"),
            batching_max_publish_delay_ms=1,
        )


def _settle(future: asyncio.Future[Position], outcome: Position | EvokeError) -> None:
    if future.done():
        return
    if isinstance(outcome, Unavailable | EvokeError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
