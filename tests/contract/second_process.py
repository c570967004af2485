"""A process beside the test's own: it opens a port, plays a role, and tells what it does, a line of JSON at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

from evoke.bootstrap import open_blob_store, open_event_log, open_progress_channel, open_request_queue
from evoke.ports.event_log import Record
from evoke.ports.request_queue import Delivery
from evoke.settings import PREFIX, Settings, load_settings

DEADLINE_S = 30.0


class SecondProcess:
    """Started at once; `line` waits for what it tells."""

    def __init__(self, settings: Settings, role: str, arguments: Sequence[str]) -> None:
        chosen = settings.model_dump(mode="json", exclude_unset=True)
        environment = {PREFIX + name.upper(): str(value) for name, value in chosen.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.second_process", role, *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )

    async def line(self) -> Any:
        """What it tells next; None at its end."""
        assert self._process.stdout is not None
        text = await asyncio.wait_for(asyncio.to_thread(self._process.stdout.readline), DEADLINE_S)
        return json.loads(text) if text.endswith("\n") else None

    async def rest(self) -> list[Any]:
        """All that it tells until its end. A last line that was cut off by its death is left out."""
        lines = []
        while (line := await self.line()) is not None:
            lines.append(line)
        return lines

    def kill(self) -> None:
        """SIGKILL: it has no last word."""
        self._process.kill()

    def stop(self) -> None:
        """SIGSTOP: it hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT: it hangs no more."""
        self._process.send_signal(signal.SIGCONT)

    async def end(self) -> None:
        """Make sure that it is gone."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        if self._process.stdout is not None:
            self._process.stdout.close()


def tell(fact: object) -> None:
    """Say something to the test."""
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


async def append(settings: Settings, topic: str, name: str, count: str) -> None:
    """Append `count` records one after another, and tell each position once it is acknowledged."""
    log = await open_event_log(settings)
    for number in range(int(count)):
        key = f"{name}-{number}"
        tell([key, await log.append(Record(topic, key, key.encode() * 50, {"ce_id": key}))])
    await log.close()


async def flood(settings: Settings, topic: str, name: str) -> None:
    """Append for ever from many tasks, and tell each position once it is acknowledged."""
    log = await open_event_log(settings)

    async def one(task: int) -> None:
        number = 0
        while True:
            key = f"{name}-{task}-{number}"
            tell([key, await log.append(Record(topic, key, key.encode() * 50))])
            number += 1

    await asyncio.gather(*(one(task) for task in range(16)))


async def follow(settings: Settings, *topics: str) -> None:
    """Tell the key of each entry of the topics."""
    log = await open_event_log(settings)
    tail = log.tail(dict.fromkeys(topics))
    tell("ready")
    async for batch in tail:
        for entry in batch:
            tell(entry.key)


async def hold(settings: Settings, queue: str, worker: str, count: str) -> None:
    """Take `count` requests, tell their keys, keep them until a file `let-go` is there, then ack them and tell so."""
    requests = await open_request_queue(settings)
    subscription = await requests.subscribe(queue, worker)
    held: list[Delivery] = []
    while len(held) < int(count):
        for delivery in await subscription.receive(int(count) - len(held)):
            held.append(delivery)
            tell(delivery.key)
    while not (settings.data_dir / "let-go").exists():
        await asyncio.sleep(0.02)
    for delivery in held:
        await subscription.ack(delivery)
    tell("acked")
    await asyncio.sleep(3600)


async def work(settings: Settings, queue: str, worker: str) -> None:
    """Take requests one by one for ever; tell each key when it is taken, and again when it is acked."""
    requests = await open_request_queue(settings)
    subscription = await requests.subscribe(queue, worker)
    while True:
        for delivery in await subscription.receive(1):
            tell(["taken", delivery.key])
            await subscription.ack(delivery)
            tell(["acked", delivery.key])


async def put(settings: Settings, prefix: str) -> None:
    """Put blobs of 3 MB for ever, and tell each key once it is acknowledged."""
    blobs = await open_blob_store(settings)

    async def content(number: int) -> AsyncIterator[bytes]:
        for _ in range(30):
            yield bytes([number % 256]) * 100_000

    number = 0
    while True:
        key = f"{prefix}/{number}/out.bin"
        tell(["start", key])
        info = await blobs.put(key, content(number), "application/octet-stream")
        tell(["done", key, info.sha256])
        number += 1


async def publish(settings: Settings, queue: str) -> None:
    """Publish a report every 10 ms for ever."""
    channel = await open_progress_channel(settings)
    number = 0
    while True:
        channel.publish(queue, str(number).encode())
        number += 1
        await asyncio.sleep(0.01)


async def hear(settings: Settings, queue: str) -> None:
    """Tell each report of a queue."""
    channel = await open_progress_channel(settings)
    reports = await channel.subscribe([queue])
    tell("ready")
    async for report in reports:
        tell(report.decode())


ROLES = {role.__name__: role for role in (append, flood, follow, hold, work, put, publish, hear)}

if __name__ == "__main__":
    asyncio.run(ROLES[sys.argv[1]](load_settings(), *sys.argv[2:]))
