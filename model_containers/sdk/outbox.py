"""The way from a model's thread to the event loop: ordered and bounded, so that a slow reader blocks the model."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk.errors import Cancelled

BOUND_BYTES = 4 << 20
BOUND_MESSAGES = 256


class Outbox:
    """Messages of one run. `put` is for the model's thread, the rest for the event loop that made it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._messages: deque[tuple[pb.GenerateResponse, int]] = deque()
        self._bytes = 0
        self._room = threading.Condition()
        self._reader: asyncio.Future[None] | None = None
        self.cancelled = False
        self.ended = False

    def put(self, message: pb.GenerateResponse) -> None:
        """Send, waiting while the reader is too far behind. Raises Cancelled."""
        size = message.ByteSize()
        with self._room:
            while self._full() and not self.cancelled:
                self._room.wait()
            if self.cancelled:
                raise Cancelled
            self._add(message, size)

    def offer(self, message: pb.GenerateResponse) -> None:
        """Send what may be lost.

        It takes the place of an unsent one of its kind, or is dropped: when there is no room, and after the end.
        Raises Cancelled.
        """
        kind = message.WhichOneof("part")
        with self._room:
            if self.cancelled:
                raise Cancelled
            if (
                self.ended
            ):  # the end is the last message, whatever another thread of the model still has to say
                return
            if self._messages and self._messages[-1][0].WhichOneof("part") == kind:
                self._bytes -= self._messages.pop()[1]
            if not self._full():
                self._add(message, message.ByteSize())

    def finish(self, message: pb.GenerateResponse | None) -> None:
        """End with this message, from any thread; never waits. None: nobody listens any more."""
        with self._room:
            self.ended = True
            if message is not None:
                self._add(message, 0)
            else:
                self._wake_reader()

    def cancel(self) -> None:
        """Make the model's next call of `put` or `offer` raise Cancelled."""
        with self._room:
            self.cancelled = True
            self._room.notify_all()

    async def next(self) -> pb.GenerateResponse | None:
        """The next message; None after the last one."""
        while True:
            with self._room:
                if self._messages:
                    message, size = self._messages.popleft()
                    self._bytes -= size
                    self._room.notify()
                    return message
                if self.ended:
                    return None
                self._reader = reader = self._loop.create_future()
            await reader

    def _full(self) -> bool:
        return self._bytes >= BOUND_BYTES or len(self._messages) >= BOUND_MESSAGES

    def _add(self, message: pb.GenerateResponse, size: int) -> None:
        self._messages.append((message, size))
        self._bytes += size
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            self._loop.call_soon_threadsafe(_wake, reader)


def _wake(reader: asyncio.Future[None]) -> None:
    if not reader.done():
        reader.set_result(None)
