"""The two systems that are compared: evoke on its embedded engine and the Celery peer, both as real processes."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
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
"""


class Evoke(msgspec.Struct, frozen=True):
    """A running evoke: URL of its API and the process ids of its parts."""

    url: str
    pids: dict[str, int]

    def finished(self) -> int:
        """How many jobs have been finished by the workers, by the sidecar's own count in the log."""
        with urllib.request.urlopen(f"{self.url}/v1/queues", timeout=10) as answer:
            (queue,) = (q for q in json.load(answer)["items"] if q["name"] == "noop")
        unfinished: int = sum(queue["depth"].values()) + queue["delayed"] + queue["running"]
        return -unfinished


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
    """A running peer: URL of its API and of its Redis."""

    url: str
    redis_url: str

    def finished(self) -> int:
        """How many results Celery has stored."""
        client = redis.Redis.from_url(self.redis_url)
        return sum(1 for _ in client.scan_iter("celery-task-meta-*", count=10_000))


@contextmanager
def celery_peer(folder: Path) -> Iterator[Peer]:
    """Run Redis (every write fsynced), a Celery worker with two processes, and the FastAPI door."""
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
        for name, command in {"redis": server, "worker": worker, "door": door}.items():
            stack.enter_context(running(command, folder / f"{name}.log", environment))
        url = f"http://127.0.0.1:{port}"
        wait_for_http(f"{url}/openapi.json")
        asyncio.run(_first_result(url))
        yield Peer(url, redis_url)


async def _first_result(url: str) -> None:
    """Return once the workers answer."""
    async with httpx.AsyncClient(timeout=40) as client:
        (await client.post(f"{url}/jobs/wait", json=BODY)).raise_for_status()
