"""A network that goes half-open: it stops to forward, and closes nothing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress


class Proxy:
    """Forwards TCP connections to a port of this machine, on a thread of its own, until it is cut."""

    def __init__(self, target: int, port: int) -> None:
        """target: the port that is forwarded to; port: the one to listen on."""
        self.connections = 0
        self._target, self._port = target, port
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        assert self._listening.wait(10)

    def cut(self) -> None:
        """From now on nothing passes, in either direction; connections stay open, and new ones are taken."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """Whatever waited passes."""
        self._loop.call_soon_threadsafe(self._whole.set)

    def end(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self._port))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in (tasks := asyncio.all_tasks(self._loop)):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(back)
        await self._whole.wait()
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            back.close()
            return
        self._writers.append(forth)
        for reader, writer in ((near, forth), (far, back)):
            task = asyncio.create_task(self._forward(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        await self._whole.wait()  # nor does the end of a connection pass
        writer.close()
