"""Progress on non-persistent topics. See `evoke/ports/progress_channel.py` for what is promised: hardly anything."""

from __future__ import annotations

import asyncio
import logging
import queue as queues
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import pulsar

from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.place import CALL_S, Place
from evoke.adapters.pulsar.reading import TopicReader
from evoke.domain import topics
from evoke.domain.errors import EvokeError, Unavailable
from evoke.ports.event_log import LogEntry, Position

KEPT = 256
"""Reports that a slow reader may be behind; then it loses the oldest."""
MOST_BYTES = 1 << 20
_BACKLOG = 1024

_log = logging.getLogger(__name__)


class PulsarProgressChannel:
    """A `ProgressChannel`. Reports leave on a thread of their own; reports beyond 1 MiB are dropped."""

    def __init__(self, place: Place) -> None:
        """Connects at the first use."""
        self._connection = Connection(place)
        self._producers: dict[str, Any] = {}
        self._leaving: queues.Queue[Callable[[], None] | None] = queues.Queue(_BACKLOG)
        self._listeners: weakref.WeakSet[Reports] = weakref.WeakSet()
        self._sender: threading.Thread | None = None

    def publish(self, queue: str, payload: bytes) -> None:
        """Send a report; see `ProgressChannel.publish`."""
        if not self._connection.closed and len(payload) <= MOST_BYTES:
            self._soon(lambda: self._send(queue, payload))

    async def subscribe(self, queues: Iterable[str]) -> AsyncIterator[bytes]:
        """Hear reports once this has returned; see `ProgressChannel.subscribe`. Raises Unavailable."""
        self._connection.require_open()
        reports = Reports(self._connection, queues)
        self._listeners.add(reports)
        opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def open_now() -> None:  # after what was published before
            for producer in list(self._producers.values()):
                producer.flush()
            reports.open()
            opening.get_loop().call_soon_threadsafe(_open, opening)

        self._soon(open_now)
        try:
            async with asyncio.timeout(2 * CALL_S):
                await opening
        except TimeoutError:
            await reports.aclose()
            raise Unavailable("progress can't be heard: the broker does not answer") from None
        return reports

    async def close(self) -> None:
        """End all subscriptions and release everything. Idempotent."""
        if self._connection.closed:
            return
        for reports in list(self._listeners):
            await reports.aclose()
        self._soon(None)
        await self._connection.close()

    def _soon(self, work: Callable[[], None] | None) -> None:
        if self._sender is None:
            self._sender = threading.Thread(target=self._work, name="send progress", daemon=True)
            self._sender.start()
        while True:
            try:
                return self._leaving.put_nowait(work)
            except queues.Full:
                try:
                    self._leaving.get_nowait()  # the oldest is lost
                except queues.Empty:
                    continue

    def _work(self) -> None:
        while (work := self._leaving.get()) is not None:
            try:
                work()
            except (pulsar.PulsarException, EvokeError) as error:
                _log.debug("progress can't be sent", extra={"error": str(error)})

    def _send(self, queue: str, payload: bytes) -> None:
        producer = self._producers.get(queue)
        if producer is None:
            producer = self._producers[queue] = self._connection.client.create_producer(
                self._connection.place.passing_topic(topics.progress(queue)),
                send_timeout_millis=int(CALL_S * 1000),
                block_if_queue_full=False,
            )
        producer.send_async(payload, _ignore)


def _open(opening: asyncio.Future[None]) -> None:
    if not opening.done():
        opening.set_result(None)


def _ignore(result: object, message_id: object) -> None:
    """Lost or not: nobody asks."""


class Reports:
    """The reports of some queues, from when `open` has returned."""

    def __init__(self, connection: Connection, queues: Iterable[str]) -> None:
        self._connection = connection
        self._queues = tuple(dict.fromkeys(queues))
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._readers: list[TopicReader] = []
        self._closed = False

    def open(self) -> None:
        """Start to hear. Blocks."""
        for queue in self._queues:
            name = topics.progress(queue)
            self._readers.append(
                TopicReader(
                    self._connection,
                    name,
                    lambda: (pulsar.MessageId.latest, Position("")),
                    self._hear,
                    full_name=self._connection.place.passing_topic(name),
                    ordered=False,
                )
            )
        for reader in self._readers:
            reader.opened.wait(CALL_S)

    def __aiter__(self) -> Reports:
        return self

    async def __anext__(self) -> bytes:
        while not self._kept:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._kept.popleft()

    def _hear(self, batch: Sequence[LogEntry] | EvokeError) -> None:
        try:
            self._loop.call_soon_threadsafe(self._take, batch)
        except RuntimeError:
            self._closed = True  # the loop is closed

    def _take(self, batch: Sequence[LogEntry] | EvokeError) -> None:
        if isinstance(batch, EvokeError):
            _log.warning("progress is heard no more", extra={"error": str(batch)})
            self._closed = True
        else:
            self._kept.extend(entry.payload for entry in batch)
        self._arrived.set()

    async def aclose(self) -> None:
        """End the subscription; a waiting `anext` ends as well. Idempotent."""
        self._closed = True
        self._kept.clear()
        for reader in self._readers:
            reader.stop()
        self._arrived.set()
