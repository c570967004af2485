"""The two systems that are compared: evoke on its embedded engine and the Celery peer, both as real processes."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import msgspec
import redis

from bench.processes import free_port, python, running, wait_for_http

BODY = {"model": "noop", "input": {"text": "a red circle to the left of a blue square"}}

CATALOGUE = """
models:
  - id: noop
    title: No-op
    task: noop
    queue: noop
    container: noop
    input:
      type: object
      additionalProperties: false
      required: [text]
      properties:
        text: {type: string, maxLength: 1000}
        output_bytes: {type: integer, minimum: 0}
"""


DRAIN_S = 300.0


def drained(unfinished: Callable[[], int]) -> None:
    """Wait until nothing waits or runs. Raises TimeoutError.

    Nothing is to be seen twice in a row: a broker's client takes a task from one list before it puts it in the other.
    """
    end = time.monotonic() + DRAIN_S
    idle = 0
    while idle < 2:
        idle = idle + 1 if unfinished() == 0 else 0
        if time.monotonic() > end:
            raise TimeoutError(f"the jobs did not end within {DRAIN_S:.0f} s")
        time.sleep(0.05)


class Evoke(msgspec.Struct, frozen=True):
    """A running evoke: URL of its API and the process ids of its parts."""

    url: str
    pids: dict[str, int]

    def unfinished(self) -> int:
        """How many jobs wait or run, by the API's own count."""
        with urllib.request.urlopen(f"{self.url}/v1/queues", timeout=10) as answer:
            (queue,) = (q for q in json.load(answer)["items"] if q["name"] == "noop")
        return int(sum(queue["depth"].values()) + queue["delayed"] + queue["running"])


@contextmanager
def evoke(folder: Path, *, workers: bool = True, **settings: str) -> Iterator[Evoke]:
    """Run API, archiver and, if asked for, one sidecar with the no-op container."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = folder / "models.yaml"
    catalogue.write_text(CATALOGUE, encoding="utf-8")
    port = free_port()
    socket = f"unix:{folder}/noop.sock"
    environment = {
        "EVOKE_DATA_DIR": str(folder / "data"),
        "EVOKE_CATALOGUE": str(catalogue),
        "EVOKE_PORT": str(port),
        "EVOKE_MAX_QUEUED": "10000000",
        "EVOKE_INTERACTIVE_SHARE": "10000000",
        "EVOKE_LOG_LEVEL": "warning",
        "EVOKE_QUEUE": "noop",
        "EVOKE_MODEL_ADDRESS": socket,
        **settings,
    }
    parts = {"api": python("services.api"), "archiver": python("services.archiver")}
    if workers:
        parts["model"] = python("bench.noop_model", "--address", socket)
        parts["sidecar"] = python("worker_sidecar")
    with ExitStack() as stack:
        pids = {
            name: stack.enter_context(running(command, folder / f"{name}.log", environment)).pid
            for name, command in parts.items()
        }
        url = f"http://127.0.0.1:{port}"
        wait_for_http(f"{url}/readyz")
        yield Evoke(url, pids)


class Peer(msgspec.Struct, frozen=True):
    """A running peer: URL of its API and of its Redis, and the process ids of its parts."""

    url: str
    redis_url: str
    pids: dict[str, int]

    def unfinished(self) -> int:
        """How many tasks wait or run, by the broker's own lists (a task is acknowledged once its result is stored)."""
        client = redis.Redis.from_url(self.redis_url)
        return int(client.llen("celery")) + int(client.hlen("unacked"))


@contextmanager
def celery_peer(folder: Path, *, workers: bool = True) -> Iterator[Peer]:
    """Run Redis (every write fsynced), the FastAPI door and, if asked for, a Celery worker with two processes."""
    folder.mkdir(parents=True, exist_ok=True)
    redis_port, port = free_port(), free_port()
    redis_url = f"redis://127.0.0.1:{redis_port}/0"
    environment = {"PEER_REDIS_URL": redis_url}
    server = [
        "redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--dir", str(folder),
        "--appendonly", "yes", "--appendfsync", "always", "--save", "",
    ]  # fmt: skip
    worker = python("celery", "-A", "bench.celery_peer.tasks", "worker", "-c", "2", "--loglevel", "warning")
    door = python(
        "uvicorn",
        "bench.celery_peer.api:app",
        "--port",
        str(port),
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
    )
    with ExitStack() as stack:
        parts = {"redis": server, "door": door, **({"worker": worker} if workers else {})}
        pids = {
            name: stack.enter_context(running(command, folder / f"{name}.log", environment)).pid
            for name, command in parts.items()
        }
        url = f"http://127.0.0.1:{port}"
        wait_for_http(f"{url}/openapi.json")
        if workers:
            asyncio.run(_first_result(url))
        yield Peer(url, redis_url, pids)


async def _first_result(url: str) -> None:
    """Return once the workers answer."""
    async with httpx.AsyncClient(timeout=40) as client:
        (await client.post(f"{url}/jobs/wait", json=BODY)).raise_for_status()
