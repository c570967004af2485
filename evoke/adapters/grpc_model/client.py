"""A connection to a model container by gRPC. See `evoke/ports/model_client.py` for what it promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import grpc

from evoke.adapters.grpc_model.messages import description_of, message_of, start_of
from evoke.domain.errors import ErrorClass, EvokeError, ModelFailed, ModelUnavailable
from evoke.ports.model_client import (
    Done,
    GenerationRequest,
    ModelDescription,
    ModelMessage,
    OutputBytes,
    OutputStarted,
)
from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import DESCRIBE, GENERATE, MAX_CHUNK_BYTES, MAX_MESSAGE_BYTES
from evoke.telemetry import is_sampled

GRACE_S = 1.0
"""How much later than the run's own deadline the call itself is given up."""

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # despite its name: how long one attempt to connect may take
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.client_idle_timeout_ms", 2**31 - 1),  # an idle channel would look like a lost container
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)
_KEEPALIVE = (("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 10_000))
"""Finds half-open TCP connections. A Unix socket has none; what hangs is ended by the deadline of its job."""


class GrpcModelClient:
    """A `ModelClient`. Made on the event loop that uses it."""

    def __init__(self, address: str) -> None:
        """address: `unix:PATH` or `HOST:PORT`. Connects when it is first used."""
        options = _OPTIONS if address.startswith("unix:") else (*_OPTIONS, *_KEEPALIVE)
        self._channel = grpc.aio.insecure_channel(address, options)
        self._describe = self._channel.unary_unary(
            DESCRIBE,
            request_serializer=pb.DescribeRequest.SerializeToString,
            response_deserializer=pb.DescribeResponse.FromString,
        )
        codec: Any = {
            "request_serializer": pb.GenerateRequest.SerializeToString,
            "response_deserializer": pb.GenerateResponse.FromString,
        }
        self._generate = self._channel.stream_stream(GENERATE, **codec)
        # A run without files sends one message: on the wire that is the same, and it costs half the work.
        self._generate_from_one = self._channel.unary_stream(GENERATE, **codec)

    async def describe(self) -> Sequence[ModelDescription]:
        """What the container serves; see `ModelClient.describe`."""
        try:
            response = await self._describe(pb.DescribeRequest(), wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            raise _translated(error) from error
        return [description_of(model) for model in response.models]

    async def lost(self) -> None:
        """Return when the connection is down; see `ModelClient.lost`."""
        state = self._channel.get_state()
        while state is grpc.ChannelConnectivity.READY:
            await self._channel.wait_for_state_change(state)
            state = self._channel.get_state()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[ModelMessage, None]:
        """Run a request; see `ModelClient.generate`."""
        files = SentFiles(request)
        call = self._call(request, files)
        outputs = OpenOutputs()
        try:
            async for response in call:
                message = message_of(response)
                if message is None:
                    continue
                outputs.check(message)
                yield message
                if isinstance(message, Done):
                    return
        except grpc.aio.AioRpcError as error:
            raise files.failure or _translated(error) from error
        except asyncio.CancelledError:
            if files.failure is not None:  # gRPC cancels a call whose messages can't be had
                raise files.failure from None
            raise
        finally:
            call.cancel()
        raise ModelUnavailable("the container ended the run without a word")

    async def close(self) -> None:
        """Break off every call and release the connection. Idempotent."""
        await self._channel.close(None)

    def _call(self, request: GenerationRequest, files: SentFiles) -> Any:
        timeout_s = request.deadline_s + GRACE_S
        start = start_of(request)
        # What instruments gRPC servers looks for the context in the metadata, and knows nothing of our messages.
        traced = request.traceparent if is_sampled(request.traceparent) else None
        context = None if traced is None else (("traceparent", traced),)
        if not request.files:
            return self._generate_from_one(start, timeout=timeout_s, metadata=context)
        return self._generate(files.messages(start), timeout=timeout_s, metadata=context)


class OpenOutputs:
    """Holds a run to the protocol: outputs are opened before they are written, ended once, and all before the end."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._seen: set[str] = set()

    def check(self, message: ModelMessage) -> None:
        """Raises ModelUnavailable when this message may not come now."""
        match message:
            case OutputStarted():
                if message.name in self._seen:
                    raise ModelUnavailable(f"the container opened output {message.name[:80]!r} twice")
                self._open.add(message.name)
                self._seen.add(message.name)
            case OutputBytes():
                if message.name not in self._open:
                    raise ModelUnavailable(
                        f"the container wrote to output {message.name[:80]!r}, which is not open"
                    )
                if message.last:
                    self._open.remove(message.name)
            case Done():
                if self._open:
                    raise ModelUnavailable("the container ended the run in the middle of an output")


class SentFiles:
    """The messages of a run with files. failure: why their bytes could not be had, if so."""

    def __init__(self, request: GenerationRequest) -> None:
        self._files = request.files
        self.failure: EvokeError | None = None

    async def messages(self, start: pb.GenerateRequest) -> AsyncIterator[pb.GenerateRequest]:
        """The start and then the bytes of every file, in pieces that the protocol allows."""
        yield start
        try:
            for name, content in self._files.items():
                async for data in content:
                    for offset in range(0, len(data), MAX_CHUNK_BYTES):
                        piece = data[offset : offset + MAX_CHUNK_BYTES]
                        yield pb.GenerateRequest(chunk=pb.InputChunk(name=name, data=piece))
                yield pb.GenerateRequest(chunk=pb.InputChunk(name=name, last=True))
        except EvokeError as error:
            self.failure = error
            raise


def _translated(error: grpc.aio.AioRpcError) -> ModelFailed | ModelUnavailable:
    """What the end of a call means. Containers tell their own errors by messages; a status is the transport's."""
    details = error.details() or error.code().name
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return ModelFailed(ErrorClass.DEADLINE, "the container did not end the run before its deadline")
    return ModelUnavailable(f"the model container does not answer: {details[:300]}")
