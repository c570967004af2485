"""Calls to a model container, as messages of the protocol."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import DESCRIBE, GENERATE

PIECE_BYTES = 256 << 10
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),  # a message beyond the bound must be seen, to be told
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)


@dataclass(frozen=True)
class Request:
    """One run. input_json: sent as it is, valid or not. files: announced, and sent in pieces before the run begins."""

    model: str
    input_json: bytes
    deadline_s: float = 60.0
    files: Mapping[str, bytes] = field(default_factory=dict)
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def messages(self) -> Iterator[pb.GenerateRequest]:
        """The messages of the run, in order."""
        start = pb.Start(
            job_id=self.job_id,
            attempt=1,
            model=self.model,
            input_json=self.input_json,
            deadline_s=self.deadline_s,
            files=list(self.files),
        )
        yield pb.GenerateRequest(start=start)
        for name, data in self.files.items():
            for offset in range(0, len(data), PIECE_BYTES):
                piece = pb.InputChunk(name=name, data=data[offset : offset + PIECE_BYTES])
                yield pb.GenerateRequest(chunk=piece)
            yield pb.GenerateRequest(chunk=pb.InputChunk(name=name, last=True))


@dataclass
class Transcript:
    """What a container sent for one run, and the status that the call ended with (OK for a proper end)."""

    messages: list[pb.GenerateResponse] = field(default_factory=list)
    status: grpc.StatusCode = grpc.StatusCode.OK
    details: str = ""
    took_s: float = 0.0

    def of(self, kind: str) -> Sequence[pb.GenerateResponse]:
        """The messages of one kind: `progress`, `output`, ..."""
        return [message for message in self.messages if message.WhichOneof("part") == kind]

    @property
    def error(self) -> pb.Error | None:
        """The error that the run ended with, if it did."""
        found = self.of("error")
        return found[-1].error if found else None


class Connection:
    """A connection to one container. Made on the event loop that uses it."""

    def __init__(self, address: str) -> None:
        """address: `unix:PATH` or `HOST:PORT`."""
        self.address = address
        self._channel = grpc.aio.insecure_channel(address, _OPTIONS)
        self._describe = self._channel.unary_unary(
            DESCRIBE,
            request_serializer=pb.DescribeRequest.SerializeToString,
            response_deserializer=pb.DescribeResponse.FromString,
        )
        self._generate = self._channel.stream_stream(
            GENERATE,
            request_serializer=pb.GenerateRequest.SerializeToString,
            response_deserializer=pb.GenerateResponse.FromString,
        )
        self._health: Any = health_pb2_grpc.HealthStub(self._channel)

    async def describe(self, timeout_s: float) -> pb.DescribeResponse:
        """What the container serves; waits until it answers. Raises grpc.aio.AioRpcError."""
        answer: pb.DescribeResponse = await self._describe(
            pb.DescribeRequest(), timeout=timeout_s, wait_for_ready=True
        )
        return answer

    async def health(self, service: str, timeout_s: float) -> int:
        """The status of a service by grpc.health.v1. Raises grpc.aio.AioRpcError."""
        answer = await self._health.Check(health_pb2.HealthCheckRequest(service=service), timeout=timeout_s)
        return int(answer.status)

    def call(self, messages: Iterable[pb.GenerateRequest], timeout_s: float) -> Any:
        """Begin a run with these messages; returns gRPC's call."""
        return self._generate(_sent(messages), timeout=timeout_s)

    async def close(self) -> None:
        """Break off every call and release the connection."""
        await self._channel.close(None)

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _sent(messages: Iterable[pb.GenerateRequest]) -> AsyncIterator[pb.GenerateRequest]:
    for message in messages:
        yield message
