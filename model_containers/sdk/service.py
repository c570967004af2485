"""The gRPC service `evoke.model.v1.Model` over the models of one container."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc

from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import SERVICE
from model_containers.sdk import parts
from model_containers.sdk.errors import CheckpointError, InvalidInput, wire_error
from model_containers.sdk.files import receive_files
from model_containers.sdk.model import Model
from model_containers.sdk.outbox import Outbox
from model_containers.sdk.run import Run
from model_containers.sdk.slots import Busy, Slots
from model_containers.sdk.threads import ModelThreads

Context = grpc.aio.ServicerContext[pb.GenerateRequest, pb.GenerateResponse]
_log = logging.getLogger(__name__)


class ModelService:
    """Answers `Describe` and `Generate`. Lives on one event loop."""

    def __init__(self, models: Sequence[Model], *, version: str, max_waiting: int | None = None) -> None:
        """models: at least one, each with its own id; the smallest `max_concurrency` holds for all together.

        max_waiting: runs that may wait for a slot, default as many as run at once. Raises ValueError.
        """
        self._models = {model.manifest.id: model for model in models}
        if not models or len(self._models) != len(models):
            raise ValueError("a container needs models, each with its own id")
        self._capacity = min(model.manifest.max_concurrency for model in models)
        self._slots = Slots(self._capacity, self._capacity if max_waiting is None else max_waiting)
        self._version = version
        self._broken: dict[str, CheckpointError] = {}
        self._ready = asyncio.Event()
        self.threads = ModelThreads()

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
        """Set up every model, on a thread; then serve. Raises what a `setup` raises, but for CheckpointError."""
        for name, model in self._models.items():
            try:
                await asyncio.to_thread(model.setup)
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
        job_id = ""
        try:
            start = await _first(requests)
            job_id = start.job_id
            model = self._model(start.model)
            value = model.manifest.parse(start.input_json)
            with await receive_files(start.files, requests) as files:
                await self._take_turn(context)
                await self._serve(model, value, Run(start, files, Outbox()), context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # a model may raise anything: the class of the error is the answer
            await context.write(parts.failed(_told(error, job_id)))

    def _model(self, name: str) -> Model:
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

    async def _serve(self, model: Model, value: Any, run: Run, context: Context) -> None:
        """Run the model in a slot that is taken already, and free it when the model has really ended."""
        outbox = run.outbox
        if inspect.isasyncgenfunction(model.generate):
            try:
                await _serve_async(model.generate(value, run), context)
            finally:
                outbox.cancel()
                self._slots.release()
            return
        loop = asyncio.get_running_loop()

        def work() -> None:
            end = _end_of(model, value, run)
            loop.call_soon_threadsafe(self._slots.release)
            outbox.finish(end)

        self.threads.run(work)
        try:
            while (message := await outbox.next()) is not None:
                await context.write(message)
        finally:
            outbox.cancel()


async def _first(requests: AsyncIterator[pb.GenerateRequest]) -> pb.Start:
    async for request in requests:
        if request.WhichOneof("part") == "start":
            return request.start
        break
    raise InvalidInput("", "the first message must be `start`")


async def _serve_async(found: AsyncIterator[parts.Part], context: Context) -> None:
    """Send the parts of an async model, and the end."""
    result = parts.Result()
    opened: set[str] = set()
    try:
        async for part in found:
            if isinstance(part, parts.Result):
                result = part
            elif isinstance(part, parts.Output):
                if part.name not in opened:
                    opened.add(part.name)
                    await context.write(parts.output_start(part.name, part.media_type, part.details))
                for chunk in parts.output_chunks(part.name, part.data, part.last):
                    await context.write(chunk)
            else:
                await context.write(parts.message_of(part))
    finally:
        await found.aclose()  # type: ignore[attr-defined]  # it is an async generator: its caller asked
    await context.write(parts.done(result))


def _end_of(model: Model, value: Any, run: Run) -> pb.GenerateResponse | None:
    """Run a plain model and return its last message, whatever its end is; None when nobody waits for one."""
    try:
        result = model.generate(value, run)
        return parts.done(result if isinstance(result, parts.Result) else parts.Result())
    except BaseException as error:  # SystemExit of a library must not end a thread that others wait for
        if run.cancelled:
            _log.info("a run was cancelled", extra={"job_id": run.job_id})
            return None
        return parts.failed(_told(error, run.job_id))


def _told(error: BaseException, job_id: str) -> pb.Error:
    """What the caller is told; the traceback of what nobody expected goes to the log."""
    answer = wire_error(error)
    if answer.error_class == pb.ERROR_CLASS_MODEL_ERROR:
        _log.error("a run failed", exc_info=error, extra={"job_id": job_id})
    return answer
