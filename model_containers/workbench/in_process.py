"""Runs a model in this process, behind the same service and the same protocol as in its container. For tests."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc

from model_containers.sdk.gpus import Gpus
from model_containers.sdk.model import Servable
from model_containers.sdk.service import ModelService
from model_containers.sdk.serving import GRPC_OPTIONS
from model_containers.workbench.connection import Connection, Request
from model_containers.workbench.outcome import Outcome, RunFailed, outcome_of
from model_containers.workbench.running import run_request


def run_model(
    model: Servable,
    input: Mapping[str, Any],
    *,
    files: Mapping[str, bytes] | None = None,
    deadline_s: float = 60.0,
) -> Outcome:
    """Set the model up, run one input and return what came of it. Raises RunFailed with the class of the error."""
    (outcome,) = run_together(model, [input], files=files, deadlines_s=[deadline_s])
    if isinstance(outcome, RunFailed):
        raise outcome
    return outcome


def run_together(
    model: Servable,
    inputs: Sequence[Mapping[str, Any]],
    *,
    files: Mapping[str, bytes] | None = None,
    deadlines_s: Sequence[float] | None = None,
) -> Sequence[Outcome | RunFailed]:
    """Run these inputs at once, e.g. to see a batch; one outcome or failure for each, in order.

    deadlines_s: of each run; default 60.
    """
    requests = [
        Request(model.manifest.id, json.dumps(input).encode(), deadline_s, files or {})
        for input, deadline_s in zip(inputs, deadlines_s or [60.0] * len(inputs), strict=True)
    ]
    return asyncio.run(_run(model, requests))


@asynccontextmanager
async def serving_model(
    model: Servable, max_waiting: int | None = None, gpus: Gpus | None = None
) -> AsyncIterator[Connection]:
    """Set the model up and serve it until the end of the block. max_waiting, gpus: as of `ModelService`."""
    service = ModelService([model], version="test", max_waiting=max_waiting, gpus=gpus)
    await service.set_up()
    server = grpc.aio.server(options=GRPC_OPTIONS)
    server.add_generic_rpc_handlers((service.handlers,))
    with tempfile.TemporaryDirectory(prefix="evoke-") as folder:
        address = f"unix:{folder}/model.sock"
        server.add_insecure_port(address)
        await server.start()
        try:
            async with Connection(address) as connection:
                yield connection
        finally:
            await server.stop(0)


async def _run(model: Servable, requests: Sequence[Request]) -> Sequence[Outcome | RunFailed]:
    async with serving_model(model, len(requests)) as connection:
        return await asyncio.gather(*(_outcome(connection, request) for request in requests))


async def _outcome(connection: Connection, request: Request) -> Outcome | RunFailed:
    try:
        return outcome_of(await run_request(connection, request))
    except RunFailed as failure:
        return failure
