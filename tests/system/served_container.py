"""A model container as a real process, and what one run of it sent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from evoke.adapters.grpc_model.client import GrpcModelClient
from evoke.domain.progress import Preview
from evoke.ports.model_client import (
    Done,
    GenerationRequest,
    LogLine,
    OutputBytes,
    OutputStarted,
    StepDone,
)
from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import DESCRIBE

READY_S = 280.0
RUN_S = 100.0
HUGE_SIDE = 8 << 16
"""Pixels of a side of `huge`: the latents of one picture alone take 68 GB."""


@dataclass(frozen=True)
class Container:
    """A container that serves: its address and its process."""

    address: str
    pid: int


@dataclass
class Answer:
    """Everything that a run sent, by kind."""

    files: dict[str, bytes] = field(default_factory=dict)
    started: dict[str, OutputStarted] = field(default_factory=dict)
    steps: list[StepDone] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    done: Done | None = None


@contextlib.contextmanager
def container(
    folder: Path, options: Sequence[str], module: str = "model_containers.diffusers"
) -> Iterator[Container]:
    """Start a container on a Unix socket in `folder`, wait until it serves, and stop it by SIGTERM in the end."""
    address = f"unix:{folder / 'model.sock'}"
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--address", address, *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        with grpc.insecure_channel(address) as channel:
            describe = channel.unary_unary(
                DESCRIBE,
                request_serializer=pb.DescribeRequest.SerializeToString,
                response_deserializer=pb.DescribeResponse.FromString,
            )
            describe(pb.DescribeRequest(), wait_for_ready=True, timeout=READY_S)
        yield Container(address, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def request(model: str, settings: Mapping[str, Any], deadline_s: float = RUN_S) -> GenerationRequest:
    """A run of `model` with this input."""
    return GenerationRequest(job_id="job", attempt=1, model=model, input=settings, deadline_s=deadline_s)


@contextlib.asynccontextmanager
async def connected(container: Container) -> AsyncIterator[GrpcModelClient]:
    """A client of the container, closed in the end."""
    client = GrpcModelClient(container.address)
    try:
        yield client
    finally:
        await client.close()


async def generate(container: Container, model: str, **settings: Any) -> Answer:
    """Run a model and gather what it sends. Raises ModelFailed."""
    answer = Answer()
    async with asyncio.timeout(RUN_S), connected(container) as client:
        async for message in client.generate(request(model, settings)):
            _gather(answer, message)
    return answer


def _gather(answer: Answer, message: object) -> None:
    match message:
        case OutputStarted():
            answer.started[message.name] = message
            answer.files[message.name] = b""
        case OutputBytes():
            answer.files[message.name] += message.data
        case StepDone():
            answer.steps.append(message)
        case Preview():
            answer.previews.append(message)
        case LogLine():
            answer.log.append(message.text)
        case Done():
            answer.done = message
