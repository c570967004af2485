"""Progress reports as Unix datagrams. See `evoke/ports/progress_channel.py` for what is promised: hardly anything."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from evoke.domain.errors import Unavailable
from evoke.local_sockets import Listener, Sender, SocketFolder

KIND = "progress"

KEPT = 256
"""Reports that a slow reader may be behind; then it loses the oldest."""

_BUFFER_BYTES = 4 << 20
_SEPARATOR = b"\0"
_BACKLOG = 64
_FLUSH_S = (0.001, 0.002, 0.004, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

_log = logging.getLogger(__name__)


class SocketProgressChannel:
    """A `ProgressChannel` among those who have the same data folder. Reports beyond 160 KiB are dropped."""

    def __init__(self, data: Path) -> None:
        """data: the folder that the processes share. Opens nothing before the first use."""
        self._data = data
        self._folder: SocketFolder | None = None
        self._sender: Sender | None = None
        self._flushing: asyncio.TimerHandle | None = None
        self._listeners: weakref.WeakSet[_Reports] = weakref.WeakSet()
        self._closed = False

    def publish(self, queue: str, payload: bytes) -> None:
        """Send a report; see `ProgressChannel.publish`."""
        if self._closed:
            return
        try:
            if self._sender is None:
                self._sender = Sender(self._open_folder(), KIND, keep=_BACKLOG)
        except OSError as error:
            _log.debug("progress can't be sent", extra={"error": str(error)})
            return
        if not self._sender.send(queue.encode() + _SEPARATOR + payload):
            self._flush_later(0)

    async def subscribe(self, queues: Iterable[str]) -> AsyncIterator[bytes]:
        """Hear reports from this moment on; see `ProgressChannel.subscribe`. Raises Unavailable."""
        if self._closed:
            raise Unavailable("the channel of progress is closed")
        try:
            listener = Listener(self._open_folder(), KIND, _BUFFER_BYTES)
        except OSError as error:
            raise Unavailable(f"progress can't be heard: {error}") from error
        reports = _Reports(listener, queues)
        self._listeners.add(reports)
        return reports

    async def close(self) -> None:
        """End all subscriptions and release everything. Idempotent."""
        self._closed = True
        for reports in list(self._listeners):
            await reports.aclose()
        if self._flushing is not None:
            self._flushing.cancel()
        if self._sender is not None:
            self._sender.close()
        if self._folder is not None:
            self._folder.close()

    def _flush_later(self, tries: int) -> None:
        """Send again soon what a busy listener had no room for; give up when it stays busy."""
        if tries == len(_FLUSH_S) and self._sender is not None:
            self._sender.drop()
        elif self._flushing is None:
            try:
                self._flushing = asyncio.get_running_loop().call_later(_FLUSH_S[tries], self._flush, tries)
            except RuntimeError:
                _log.debug("without an event loop, a full listener loses reports")

    def _flush(self, tries: int) -> None:
        self._flushing = None
        if self._sender is not None and not self._closed and not self._sender.flush():
            self._flush_later(tries + 1)

    def _open_folder(self) -> SocketFolder:
        if self._folder is None:
            self._folder = SocketFolder(self._data)
        return self._folder


class _Reports:
    """The reports of some queues, from the moment of its making."""

    def __init__(self, listener: Listener, queues: Iterable[str]) -> None:
        self._listener = listener
        self._queues = frozenset(queue.encode() for queue in queues)
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._descriptor = listener.fileno()
        me = weakref.ref(self)  # the loop must not keep alive what nobody iterates any more
        self._loop.add_reader(self._descriptor, _hear, me)

    def __aiter__(self) -> _Reports:
        return self

    async def __anext__(self) -> bytes:
        while not self._kept:
            if self._listener.fileno() < 0:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._kept.popleft()

    def hear(self) -> None:
        """Take in what has arrived."""
        for datagram in self._listener.waiting():
            queue, _, payload = datagram.partition(_SEPARATOR)
            if queue in self._queues:
                self._kept.append(payload)
        self._arrived.set()

    async def aclose(self) -> None:
        """End the subscription; a waiting `anext` ends as well. Idempotent."""
        self._kept.clear()
        self._end()
        self._arrived.set()

    def _end(self) -> None:
        if self._listener.fileno() >= 0:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._descriptor)
            self._listener.close()

    def __del__(self) -> None:
        self._end()


def _hear(reports: weakref.ref[_Reports]) -> None:
    if (alive := reports()) is not None:
        alive.hear()
