"""What is checked: one model of a container that answers, and how a check tells what it found."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import grpc

from evoke.protocol.generated import model_pb2 as pb
from model_containers.workbench.connection import Connection, Request, Transcript
from model_containers.workbench.container import Container
from model_containers.workbench.running import run_request


class Broken(Exception):
    """The container breaks the protocol; the message says how."""


class Skipped(Exception):
    """The check can't be made here; the message says why."""


class Verdict(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    BROKEN = "BROKEN"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What a check found. note: what was seen, or how the protocol is broken."""

    model: str
    check: str
    verdict: Verdict
    note: str


@dataclass(frozen=True)
class Bounds:
    """How long things may take. run_s: one run. patience_s: refusals and cancellations. stop_s: the end on SIGTERM."""

    run_s: float = 120.0
    patience_s: float = 10.0
    stop_s: float = 30.0


@dataclass(frozen=True)
class Subject:
    """One model. input, files: what its runs are given. long_input: for those that are cancelled or cut short."""

    container: Container
    description: pb.ModelDescription
    input: Mapping[str, Any]
    long_input: Mapping[str, Any]
    bounds: Bounds = Bounds()
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def connection(self) -> Connection:
        """The connection to the container."""
        return self.container.connection

    @property
    def slots(self) -> int:
        """Runs that the container says it takes at once; 32 are asked for at most."""
        return max(1, min(self.description.max_concurrency, 32))

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The model's schema; empty when it is no JSON object, which a check of its own tells."""
        try:
            found = json.loads(self.description.input_schema_json)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def request(self, **changes: Any) -> Request:
        """A run of the usual input; changes: fields of `Request`."""
        usual = Request(self.description.id, json.dumps(self.input).encode(), self.bounds.run_s, self.files)
        return replace(usual, **changes)

    def long_request(self, **changes: Any) -> Request:
        """A run of the long input."""
        return self.request(input_json=json.dumps(self.long_input).encode(), **changes)

    async def run(self, request: Request, timeout_s: float | None = None) -> Transcript:
        """Run to the end; see `run_request`."""
        return await run_request(self.connection, request, timeout_s=timeout_s)

    async def succeed(self, timeout_s: float | None = None) -> Transcript:
        """Run the usual input. Raises Broken unless it succeeds."""
        transcript = await self.run(self.request(), timeout_s)
        must_succeed(transcript)
        return transcript


Check = Callable[[Subject], Awaitable[str]]
"""Returns what was seen. Raises Broken or Skipped."""


def must_succeed(transcript: Transcript) -> None:
    """Raises Broken unless the run ended with `done`."""
    if transcript.status is not grpc.StatusCode.OK:
        raise Broken(f"a run ended with status {transcript.status.name}: {transcript.details[:200]}")
    if transcript.error is not None:
        error = transcript.error
        raise Broken(
            f"a run of a valid input failed: {error.field} {error.message[:200]}".replace(":  ", ": ")
        )
    if not transcript.of("done"):
        raise Broken("a run ended without done and without error")


async def first_sign(call: Any, wait_s: float) -> bool:
    """Wait for a run's first message, or for `wait_s`. Returns whether the run is still on its way."""
    try:
        async with asyncio.timeout(wait_s):
            message = await call.read()
    except TimeoutError:
        return True
    except grpc.aio.AioRpcError:
        return False
    ended: tuple[Any, ...] = ("done", "error")
    return bool(message) and message.WhichOneof("part") not in ended
