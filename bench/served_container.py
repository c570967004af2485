"""A model container of this repository as a process, asked as the sidecar asks it: by gRPC through a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.processes import python, running
from evoke.adapters.grpc_model.client import GrpcModelClient
from evoke.ports.model_client import GenerationRequest, ModelMessage, OutputBytes

READY_S = 300.0
LONGEST_S = 300.0
_PIECE = 1 << 20


@contextlib.asynccontextmanager
async def served(
    folder: Path, module: str, *options: str, threads: int | None = None
) -> AsyncIterator[tuple[GrpcModelClient, int]]:
    """The container on a socket in `folder` while the block lasts: a client that is connected, and its process id.

    threads: CPU threads of torch; None: its own choice.
    """
    address = f"unix:{folder / 'model.sock'}"
    environment = {"OPENBLAS_NUM_THREADS": "1"}
    command = python(module, "--address", address, *options)
    if threads is not None:
        command = [*command, "--threads", str(threads)]
    with running(command, folder / "container.log", environment) as process:
        client = GrpcModelClient(address)
        try:
            await _ready(client)
            yield client, process.pid
        finally:
            await client.close()


async def run(
    client: GrpcModelClient, model: str, asked: Mapping[str, Any], files: Mapping[str, bytes] | None = None
) -> bytes:
    """The bytes of all outputs of one run, one after the other."""
    found = messages(client, model, asked, files)
    return b"".join([part.data async for part in found if isinstance(part, OutputBytes)])


def messages(
    client: GrpcModelClient, model: str, asked: Mapping[str, Any], files: Mapping[str, bytes] | None = None
) -> AsyncIterator[ModelMessage]:
    """All that one run says."""
    request = GenerationRequest(
        job_id="bench",
        attempt=1,
        model=model,
        input=asked,
        deadline_s=LONGEST_S,
        files={name: _pieces(data) for name, data in (files or {}).items()},
    )
    return client.generate(request)


async def together(
    client: GrpcModelClient, model: str, requests: Sequence[Mapping[str, Any]], at_a_time: int
) -> float:
    """Seconds until all these requests are answered, `at_a_time` of them at any moment."""
    left = iter(requests)

    async def one_after_the_other() -> None:
        for asked in left:
            if not await run(client, model, asked):
                raise RuntimeError("a run gave nothing")

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_a_time):
            group.create_task(one_after_the_other())
    return time.perf_counter() - started


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


async def _ready(client: GrpcModelClient) -> None:
    end = time.monotonic() + READY_S
    while True:
        try:
            await client.describe()
        except Exception:  # whatever says that it is not there yet
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.5)
        else:
            return
