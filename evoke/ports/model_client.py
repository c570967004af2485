"""The sidecar's view of a model container."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from evoke.domain.progress import Preview


class ModelDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What a container says of a model that it serves. input_schema: JSON Schema of its input."""

    id: str
    task: str
    input_schema: Mapping[str, Any]
    max_concurrency: int
    limits: Mapping[str, float] = {}


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One run. files: input name → its bytes, streamed. deadline_s: what is left for this attempt."""

    job_id: str
    attempt: int
    model: str
    input: Mapping[str, Any]
    deadline_s: float
    files: Mapping[str, AsyncIterator[bytes]] = {}
    traceparent: str | None = None


class StepDone(msgspec.Struct, frozen=True):
    """`step` of `total` `unit`s are done."""

    step: int
    total: int
    unit: str


class LogLine(msgspec.Struct, frozen=True):
    """A line that the model wrote for the user."""

    text: str


class OutputStarted(msgspec.Struct, frozen=True):
    """The next bytes with this name belong to a new output. details: small JSON, e.g. width and height in pixels."""

    name: str
    media_type: str
    details: Mapping[str, Any]


class OutputBytes(msgspec.Struct, frozen=True):
    """Bytes of an output; last: the output is complete."""

    name: str
    data: bytes
    last: bool


class Metric(msgspec.Struct, frozen=True):
    """A number about this run, e.g. `gpu_memory_bytes`."""

    name: str
    value: float


class Done(msgspec.Struct, frozen=True):
    """The run succeeded; always the last message. result: small JSON."""

    seed: int | None
    timings_ms: Mapping[str, float]
    result: Mapping[str, Any]


ModelMessage = StepDone | LogLine | Preview | OutputStarted | OutputBytes | Metric | Done


class ModelClient(Protocol):
    """A connection to one container that comes back by itself when the container does."""

    async def describe(self) -> Sequence[ModelDescription]:
        """What the container serves. Waits until it is ready to serve.

        Raises ModelUnavailable when it goes away meanwhile.
        """
        ...

    async def lost(self) -> None:
        """Wait until the container that answered `describe` is away; returns at once when it is away already."""
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[ModelMessage, None]:
        """Run a request. Ends after `Done`.

        Raises ModelFailed with the container's error class, ModelUnavailable when the container is lost or breaks the
        protocol, or ends without `Done`. Closing or cancelling the iterator cancels the run in the container at its
        next step.
        """
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...
