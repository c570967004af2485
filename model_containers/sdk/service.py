"""The gRPC service `evoke.model.v1.Model` over the models of one container."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import grpc

from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import SERVICE
from model_containers.sdk import parts
from model_containers.sdk.endings import told_error
from model_containers.sdk.errors import CheckpointError, InvalidInput
from model_containers.sdk.execution import Execution
from model_containers.sdk.files import receive_files
from model_containers.sdk.gpu_watch import GpuWatch
from model_containers.sdk.gpus import Gpus
from model_containers.sdk.model import Servable
from model_containers.sdk.outbox import Outbox
from model_containers.sdk.run import Run
from model_containers.sdk.slots import Busy, Slots

Context = grpc.aio.ServicerContext[pb.GenerateRequest, pb.GenerateResponse]
_log = logging.getLogger(__name__)

UNREAD_S = 10.0
"""How long a call that was refused stays open for a client that is still sending files."""


class ModelService:
    """Answers `Describe` and `Generate`. Lives on one event loop."""

    def __init__(
        self,
        models: Sequence[Servable],
        *,
        version: str,
        max_waiting: int | None = None,
        gpus: Gpus | None = None,
    ) -> None:
        """models: at least one, each with its own id; the smallest `capacity` holds for all together.

        max_waiting: runs that may wait for a slot, default as many as run at once; gpus: those to tell of in figures.
        Raises ValueError.
        """
        self._models = {model.manifest.id: model for model in models}
        if not models or len(self._models) != len(models):
            raise ValueError("a container needs models, each with its own id")
        self._capacity = min(model.capacity for model in models)
        self._slots = Slots(self._capacity, self._capacity if max_waiting is None else max_waiting)
        self._version = version
        self._broken: dict[str, CheckpointError] = {}
        self._ready = asyncio.Event()
        self._execution = Execution()
        self._watch = GpuWatch(gpus)

    @property
    def busy(self) -> int:
        """Threads on which models are at work."""
        return self._execution.threads.busy

    @property
    def handlers(self) -> grpc.GenericRpcHandler[Any, Any]:
        """The methods for `grpc.aio.Server.add_generic_rpc_handlers`."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Describe": grpc.unary_unary_rpc_method_handler(
                    self.describe,
                    request_deserializer=pb.DescribeRequest.FromString,
                    response_serializer=pb.DescribeResponse.SerializeToString,
                ),
                "Generate": grpc.stream_stream_rpc_method_handler(
                    self.generate,
                    request_deserializer=pb.GenerateRequest.FromString,
                    response_serializer=pb.GenerateResponse.SerializeToString,
                ),
            },
        )

    async def set_up(self) -> None:
        """Set up every model, then serve. Raises what a `setup` raises, but for CheckpointError.

        The first run is on the same thread: libraries that compute with several cores, as torch does, keep helpers for
        each thread that ever computed, and with more helpers than cores all of them are slow.
        """
        for name, model in self._models.items():
            try:
                await self._execution.threads.call(model.setup)
            except CheckpointError as error:
                _log.exception("the checkpoint can't be used", extra={"model": name})
                self._broken[name] = error
        self._ready.set()

    async def describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:
        """What can be served; answers once everything is set up."""
        await self._ready.wait()
        described = [model.manifest.describe(self._capacity) for model in self._models.values()]
        return pb.DescribeResponse(models=described, container_version=self._version)

    async def generate(self, requests: AsyncIterator[pb.GenerateRequest], context: Context) -> None:
        """Serve one run; see `model.proto`."""
        await self._ready.wait()
        job_id, unread = "", set[str]()
        try:
            start = await _first(requests)
            job_id, unread = start.job_id, set(start.files)
            model = self._model(start.model)
            value = model.manifest.parse(start.input_json)
            with await receive_files(start.files, requests) as files:
                unread.clear()
                await self._take_turn(context)
                run = Run(start, files, Outbox())
                async with self._watch.over(context.write) as send:
                    await self._execution.carry_out(model, value, run, send, self._slots.release)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # a model may raise anything: the class of the error is the answer
            await context.write(parts.failed(told_error(error, job_id)))
            await _read_away(unread, requests)

    def _model(self, name: str) -> Servable:
        """Raises InvalidInput for a name that is not served, CheckpointError for a model whose weights are broken."""
        if name in self._broken:
            raise self._broken[name]
        if name not in self._models:
            raise InvalidInput("model", f"this container does not serve {name[:80]!r}")
        return self._models[name]

    async def _take_turn(self, context: Context) -> None:
        try:
            await self._slots.acquire()
        except Busy:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "as many runs wait here as may wait")


async def _read_away(names: set[str], requests: AsyncIterator[pb.GenerateRequest]) -> None:
    """Read files that are still coming, for a while: a call that ends sooner is reset and may lose its last word."""
    with suppress(TimeoutError):
        async with asyncio.timeout(UNREAD_S):
            while names and (request := await anext(requests, None)) is not None:
                if request.chunk.last:
                    names.discard(request.chunk.name)


async def _first(requests: AsyncIterator[pb.GenerateRequest]) -> pb.Start:
    async for request in requests:
        if request.WhichOneof("part") == "start":
            return request.start
        break
    raise InvalidInput("", "the first message must be `start`")
