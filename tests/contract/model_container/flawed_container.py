"""A container on bare gRPC that keeps the protocol, but for the one flaw that it is told to have.

python -m tests.contract.model_container.flawed_container --address unix:PATH [--flaw NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import SERVICE

R = pb.GenerateResponse
SLOTS = 2
STEP_S = 0.05
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["steps"],
    "properties": {
        "steps": {"type": "integer", "minimum": 1, "maximum": 1000, "examples": [3]},
        "mood": {"enum": ["good", "bad"], "default": "good"},
    },
}
SCHEMAS: dict[str, Any] = {
    "schema-is-no-json": b"{",
    "schema-of-a-list": {"type": "array"},
    "schema-with-an-unknown-type": {**SCHEMA, "properties": {"steps": {"type": "whole"}}},
    "default-is-not-allowed": {**SCHEMA, "properties": {"steps": {"type": "integer", "default": "x"}}},
}
START = R(output_start=pb.OutputStart(name="a.txt", media_type="text/plain"))
LAST = R(output=pb.OutputChunk(name="a.txt", data=b"abc", last=True))
DONE = R(done=pb.Done())
ENDINGS: dict[str, list[R]] = {
    "done-twice": [START, LAST, DONE, DONE],
    "done-in-the-middle": [START, DONE, LAST],
    "no-end": [START, LAST],
    "written-before-opened": [LAST, START, DONE],
    "opened-twice": [START, START, LAST, DONE],
    "output-not-ended": [START, DONE],
    "output-goes-on-after-its-end": [START, LAST, LAST, DONE],
    "result-is-no-object": [START, LAST, R(done=pb.Done(result_json=b"[1]"))],
    "details-with-nan": [
        R(output_start=pb.OutputStart(name="a.txt", media_type="a/b", details_json=b'{"a": NaN}')),
        LAST,
        DONE,
    ],
    "name-is-a-path": [R(output_start=pb.OutputStart(name="../a", media_type="a/b")), DONE],
    "empty-message": [R(), START, LAST, DONE],
    "progress-goes-back": [R(progress=pb.Progress(step=s, total=9, unit="steps")) for s in (5, 4)] + [DONE],
    "progress-beyond-its-total": [R(progress=pb.Progress(step=9, total=3, unit="steps")), DONE],
    "piece-too-large": [
        START,
        R(output=pb.OutputChunk(name="a.txt", data=bytes((1 << 20) + 1), last=True)),
        DONE,
    ],
    "preview-too-large": [R(preview=pb.Preview(media_type="image/png", data=bytes(100_000))), DONE],
    "message-too-large": [R(log=pb.Log(text="x" * (5 << 20))), DONE],
}


class Refused(Exception):
    """The input can't be served."""


class Flawed:
    """The service."""

    def __init__(self, flaw: str) -> None:
        self._flaw = flaw
        self._running = 0

    async def describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:
        schema = SCHEMAS.get(self._flaw, SCHEMA)
        model = pb.ModelDescription(
            id="" if self._flaw == "no-id" else "flawed",
            task="" if self._flaw == "no-task" else "test",
            input_schema_json=schema if isinstance(schema, bytes) else json.dumps(schema).encode(),
            max_concurrency=0 if self._flaw == "no-slots" else SLOTS,
            limits={"size": float("nan") if self._flaw == "limit-is-no-number" else 4.0},
        )
        return pb.DescribeResponse(models=[model] * (2 if self._flaw == "one-id-twice" else 1))

    async def generate(self, requests: AsyncIterator[pb.GenerateRequest], context: Any) -> AsyncIterator[R]:
        start = (await anext(aiter(requests))).start
        try:
            steps = self._checked(start)
            await self._receive(list(start.files), requests)
        except Refused as refused:
            if self._flaw == "refuses-by-status":
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refused))
            if self._flaw == "refuses-after-an-output":
                yield START
            kind = (
                pb.ERROR_CLASS_MODEL_ERROR
                if self._flaw == "refuses-as-model-error"
                else pb.ERROR_CLASS_INVALID_INPUT
            )
            yield R(error=pb.Error(error_class=kind, message=str(refused), field="steps"))
            return
        slots = {"fewer-slots-than-it-says": 1, "cancelled-runs-keep-their-slots": SLOTS}
        if self._running >= slots.get(self._flaw, 2 * SLOTS):
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no slot is free")
        self._running += 1
        try:
            async for message in self._run(start, steps):
                yield message
        finally:
            if self._flaw != "cancelled-runs-keep-their-slots" or steps < 100:
                self._running -= 1

    def _checked(self, start: pb.Start) -> int:
        if start.model != "flawed" and self._flaw != "serves-any-model":
            raise Refused("this model is not served")
        if self._flaw == "serves-any-input":
            try:
                return int(json.loads(start.input_json)["steps"])
            except (ValueError, TypeError, KeyError, RecursionError):
                return 1
        return _steps(start.input_json)

    async def _receive(self, names: list[str], requests: AsyncIterator[pb.GenerateRequest]) -> None:
        if names and self._flaw == "waits-for-ever-for-files":
            await asyncio.sleep(3600)
        if self._flaw == "takes-half-a-file-for-whole":
            return
        while names:
            request = await anext(aiter(requests), None)
            if request is None:
                raise Refused("the files are not as announced")
            if request.chunk.last:
                names.remove(request.chunk.name)

    async def _run(self, start: pb.Start, steps: int) -> AsyncIterator[R]:
        if self._flaw == "valid-input-fails":
            yield R(error=pb.Error(error_class=pb.ERROR_CLASS_MODEL_ERROR, message="stumbled"))
            return
        ends_at = asyncio.get_running_loop().time() + start.deadline_s
        for step in range(1, steps + 1):
            yield R(progress=pb.Progress(step=step, total=steps, unit="steps"))
            await asyncio.sleep(STEP_S)
            if asyncio.get_running_loop().time() > ends_at and self._flaw != "deaf-to-its-deadline":
                late = self._flaw == "calls-its-deadline-a-model-error"
                kind = pb.ERROR_CLASS_MODEL_ERROR if late else pb.ERROR_CLASS_DEADLINE
                yield R(error=pb.Error(error_class=kind, message="too late"))
                return
        for message in ENDINGS.get(self._flaw, [START, LAST, DONE]):
            yield message


def _steps(text: bytes) -> int:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Refused("the input is no JSON") from error
    if not isinstance(value, dict) or set(value) - {"steps", "mood"}:
        raise Refused("the input has other fields")
    steps, mood = value.get("steps"), value.get("mood", "good")
    if type(steps) is not int or not 1 <= steps <= 1000 or mood not in ("good", "bad"):
        raise Refused("steps must be a whole number from 1 to 1000")
    return steps


def _refuse(constant: str) -> None:
    raise ValueError(constant)


async def serve(address: str, flaw: str) -> None:
    flawed = Flawed(flaw)
    server = grpc.aio.server(options=[("grpc.max_send_message_length", -1)])
    methods: dict[str, Any] = {
        "Describe": grpc.unary_unary_rpc_method_handler(
            flawed.describe, pb.DescribeRequest.FromString, pb.DescribeResponse.SerializeToString
        ),
        "Generate": grpc.stream_stream_rpc_method_handler(
            flawed.generate, pb.GenerateRequest.FromString, pb.GenerateResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    if flaw != "no-health":
        healthy: Any = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs know the threaded one only
        health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
        status = "NOT_SERVING" if flaw == "unhealthy" else "SERVING"
        for name in ("", SERVICE):
            await healthy.set(name, health_pb2.HealthCheckResponse.ServingStatus.Value(status))
    server.add_insecure_port(address)
    await server.start()
    stopped = asyncio.Event()
    handlers: dict[str, Callable[[], object]] = {
        "deaf-to-sigterm": lambda: None,
        "stops-with-an-error": lambda: os._exit(3),
    }
    if flaw != "dies-of-sigterm":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, handlers.get(flaw, stopped.set))
    await stopped.wait()
    await server.stop(0.5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--flaw", default="")
    options = parser.parse_args()
    asyncio.run(serve(options.address, options.flaw))
    sys.exit(0)
