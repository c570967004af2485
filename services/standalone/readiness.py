"""Waits until everything serves, telling every few seconds what is still missing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from evoke.domain.errors import ModelUnavailable
from services.standalone.bootstrap import container_serves

POLL_S = 0.4
TRY_S = 10.0
TELL_EVERY_S = 5.0
ANY_IPV4 = "0.0.0.0"  # noqa: S104  # compared with, never bound

Check = Callable[[], Awaitable[bool]]


async def wait_until_ready(checks: Mapping[str, Check], tell: Callable[[str], None]) -> float:
    """Return the seconds it took until every check was true; `tell` gets a line of progress now and then."""
    began = time.monotonic()
    waiting = set(checks)

    async def wait_for(name: str) -> None:
        while not await checks[name]():  # noqa: ASYNC110  # no event comes from another process
            await asyncio.sleep(POLL_S)
        waiting.discard(name)

    async def tell_now_and_then() -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            names = [name for name in checks if name in waiting]
            tell(f"waiting for {', '.join(names)} ({time.monotonic() - began:.0f} s)")

    async with asyncio.TaskGroup() as group:
        teller = group.create_task(tell_now_and_then())
        await asyncio.gather(*(group.create_task(wait_for(name)) for name in checks))
        teller.cancel()
    return time.monotonic() - began


def api_check(host: str, port: int) -> Check:
    """Whether GET /readyz answers 200."""

    async def check() -> bool:
        return (await _get(host, port, "/readyz"))[0] == 200

    return check


def workers_check(host: str, port: int, queues: Iterable[str]) -> Check:
    """Whether every one of these queues has a worker, by GET /v1/queues; true where that asks for a key."""
    wanted = set(queues)

    async def check() -> bool:
        status, body = await _get(host, port, "/v1/queues")
        if status in (401, 403):
            return True
        try:
            return wanted <= {line["name"] for line in json.loads(body)["items"] if line["workers"]}
        except (ValueError, LookupError):
            return False

    return check


def container_check(address: str, models: tuple[str, ...]) -> Check:
    """Whether the container says that it serves these models."""

    async def check() -> bool:
        try:
            async with asyncio.timeout(TRY_S):
                return set(models) <= set(await container_serves(address))
        except (ModelUnavailable, TimeoutError):
            return False

    return check


def reachable_host(host: str) -> str:
    """Where to connect to what listens on `host`: all interfaces are reached through the loopback."""
    return {ANY_IPV4: "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


async def _get(host: str, port: int, path: str) -> tuple[int, bytes]:
    """Status and body of an HTTP answer; status 0 when there is none."""
    try:
        async with asyncio.timeout(TRY_S):
            reader, writer = await asyncio.open_connection(reachable_host(host), port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                await writer.drain()
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
            return int(head.split(maxsplit=2)[1]), body
    except (OSError, TimeoutError, ValueError, IndexError):
        return 0, b""
