"""Producers, one for each topic, kept open; the broker's acknowledgement settles an append."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import pulsar

from evoke.adapters.pulsar.answers import Answers
from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.place import CALL_S, translated
from evoke.adapters.pulsar.positions import position_of
from evoke.domain.errors import Unavailable
from evoke.ports.event_log import Position

MOST_PENDING = 4096
"""Appends of a topic under way at once; beyond it they are refused, which the API tells as 503."""
MOST_PENDING_BYTES = 64 << 20
"""Bytes of all appends under way at once: while the broker is away they wait in memory."""
_DOUBTFUL = frozenset({"Timeout", "AlreadyClosed", "ProducerFenced", "TopicTerminated", "TopicNotFound"})
"""What a producer says that will never send again, or only after a pause: the client pauses as long as the broker was
away, up to a minute, before it tries again; a new producer tries at once."""

_log = logging.getLogger(__name__)


class Sent(NamedTuple):
    """An append that the broker has not answered yet."""

    topic: str
    producer: Any
    size_bytes: int
    settled: asyncio.Future[Position]

    @property
    def what(self) -> str:
        """What was tried, for messages."""
        return f"appending to {self.topic}"


class Appender:
    """Appends to durable topics. Cancelling an append leaves open whether it is in the log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producers: dict[str, asyncio.Task[Any]] = {}
        self._pending: set[asyncio.Future[Position]] = set()
        self._pending_bytes = 0
        self._closing: set[asyncio.Future[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._answers = Answers(self._loop, self._settle)

    async def append(
        self, topic: str, key: str, payload: bytes, properties: Mapping[str, str], delay_s: float = 0.0
    ) -> Position:
        """Append durably. Raises Unavailable, StorageFull, InvalidInput when it is too large."""
        self._connection.require_open()
        producer = await self._producer(topic)
        if self._pending and self._pending_bytes + len(payload) > MOST_PENDING_BYTES:
            raise Unavailable(f"appending to {topic}: too many bytes are under way already")
        later = {"deliver_after": timedelta(seconds=delay_s)} if delay_s > 0 else {}
        message = {"properties": dict(properties), "partition_key": key, **later}
        return await self._sent(topic, producer, payload, message)

    async def _sent(self, topic: str, producer: Any, payload: bytes, message: Mapping[str, Any]) -> Position:
        """Send, and wait for what the broker says of it."""
        sent = Sent(topic, producer, len(payload), self._loop.create_future())

        def acknowledged(result: pulsar.Result, message_id: pulsar.MessageId) -> None:
            self._answers.put((sent, result, message_id))

        try:
            producer.send_async(payload, acknowledged, **message)
        except pulsar.PulsarException as error:
            raise translated(error, sent.what) from error
        self._pending.add(sent.settled)
        self._pending_bytes += sent.size_bytes
        return await sent.settled

    def _settle(self, answer: tuple[Sent, pulsar.Result, pulsar.MessageId]) -> None:
        """The broker's word on one append, also on one that nobody waits for any more."""
        sent, result, message_id = answer
        self._pending.discard(sent.settled)
        self._pending_bytes -= sent.size_bytes
        if result.name in _DOUBTFUL:
            self._forget(sent.topic, sent.producer)
        if sent.settled.done():
            return
        if result == pulsar.Result.Ok:
            sent.settled.set_result(position_of(self._connection.epoch, message_id))
        else:
            sent.settled.set_exception(translated(result, sent.what))

    def _forget(self, topic: str, producer: Any) -> None:
        """The next append opens another producer; this one is closed when nothing of it can be under way any more."""
        opening = self._producers.get(topic)
        if opening is not None and _usable(opening) and opening.result() is producer:
            del self._producers[topic]
            self._loop.call_later(2 * CALL_S, self._close_soon, producer)

    def _close_soon(self, producer: Any) -> None:
        if self._connection.closed:
            return
        closing = asyncio.ensure_future(self._connection.call("closing a producer", producer.close))
        self._closing.add(closing)
        closing.add_done_callback(self._closed)

    def _closed(self, closing: asyncio.Future[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled() and (error := closing.exception()) is not None:
            _log.debug("a producer ended without a word", extra={"error": str(error)})

    async def finish(self) -> None:
        """Wait until what is under way has its answer."""
        while waited_for := [settled for settled in self._pending if not settled.done()]:
            await asyncio.wait(waited_for, timeout=CALL_S)

    async def _producer(self, topic: str) -> Any:
        opening = self._producers.get(topic)
        if opening is not None and _usable(opening):
            return opening.result()
        if opening is None or opening.done():
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


def _usable(opening: asyncio.Task[Any]) -> bool:
    return opening.done() and not opening.cancelled() and opening.exception() is None
