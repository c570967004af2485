"""Who waits for what, and who wakes them: a commit by any process wakes waiting tails and subscriptions.

A commit announces its subjects (topics, and queues with something to take) to the event loops of its own process, and
in one datagram to every other process that has the log open. A datagram may be lost, so everybody who waits also looks
by itself, now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Collection, Iterable
from pathlib import Path

from evoke.local_sockets import Listener, Sender, SocketFolder

KIND = "log"
POLL_S = 0.25
"""How often those who wait look by themselves."""

_EVERYTHING = b""
_MAX_SUBJECTS_BYTES = 2048


def takeable(topic: str) -> str:
    """The subject of a topic of requests in which something can be taken again."""
    return f"takeable:{topic}"


class Wakeup:
    """What one waiter waits for. Set by an announcement of one of its subjects."""

    def __init__(self, subjects: Iterable[str]) -> None:
        self.subjects = frozenset(subject.encode() for subject in subjects)
        self._event = asyncio.Event()

    def expect(self) -> None:
        """Forget what was announced so far; call this before looking."""
        self._event.clear()

    def fire(self) -> None:
        """Wake the waiter. Only on its event loop."""
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for an announcement since `expect`; False when there was none in that time."""
        if self._event.is_set():
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        return True


class _Ears:
    """The listener of one event loop, and the waiters on that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: SocketFolder) -> None:
        self.waiters: weakref.WeakSet[Wakeup] = weakref.WeakSet()
        self.loop = loop
        self._listener = Listener(folder, KIND)
        self.name = self._listener.name
        loop.add_reader(self._listener.fileno(), self._hear)

    def _hear(self) -> None:
        heard: set[bytes] = set()
        for datagram in self._listener.waiting():
            heard.update(datagram.split(b"\n"))
        self.wake(heard)

    def wake(self, heard: Collection[bytes]) -> None:
        """Wake those who wait for one of these subjects. Only on its loop."""
        for waiter in list(self.waiters):
            if _EVERYTHING in heard or not waiter.subjects.isdisjoint(heard):
                waiter.fire()

    def close(self) -> None:
        """Stop listening and wake everybody to see that it is over. Only on its loop, or when that is closed."""
        if not self.loop.is_closed():
            self.loop.remove_reader(self._listener.fileno())
            for waiter in list(self.waiters):
                waiter.fire()
        self._listener.close()


class Wakeups:
    """The waiters of this process, and the way to those of all processes."""

    def __init__(self, data: Path) -> None:
        """data: the folder that the processes share. Raises OSError."""
        self._folder = SocketFolder(data)
        self._own: set[str] = set()
        self._sender = Sender(self._folder, KIND, leave_out=self._own)
        self._ears: dict[asyncio.AbstractEventLoop, _Ears] = {}
        self._lock = threading.Lock()

    def listen(self, subjects: Iterable[str]) -> Wakeup:
        """Wait for these subjects on the running loop, for as long as the caller keeps the result. Raises OSError."""
        loop = asyncio.get_running_loop()
        wakeup = Wakeup(subjects)
        with self._lock:
            for other in [other for other in self._ears if other.is_closed()]:
                self._ears.pop(other).close()
            ears = self._ears.get(loop)
            if ears is None:
                ears = self._ears[loop] = _Ears(loop, self._folder)
                self._own.add(ears.name)
        ears.waiters.add(wakeup)
        return wakeup

    def announce(self, subjects: Iterable[str]) -> None:
        """Wake all who wait for one of these, in every process. Only on the writer's thread."""
        heard = {subject.encode() for subject in subjects}
        if not heard:
            return
        datagram = b"\n".join(heard)
        self._sender.send(datagram if len(datagram) <= _MAX_SUBJECTS_BYTES else _EVERYTHING)
        with self._lock:
            own = list(self._ears.values())
        for ears in own:  # after the others: from here on the own loop wants the interpreter
            with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there
                ears.loop.call_soon_threadsafe(ears.wake, heard)

    def close(self) -> None:
        """Wake all waiters of this process and release everything. Idempotent."""
        with self._lock:
            ears, self._ears = list(self._ears.values()), {}
        running = _running_loop()
        for each in ears:
            if each.loop is running or each.loop.is_closed():
                each.close()
            else:
                each.loop.call_soon_threadsafe(each.close)
        self._sender.close()
        self._folder.close()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
