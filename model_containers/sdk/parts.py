"""What a run sends: the parts that an async model yields, and their form on the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from evoke.protocol.generated import model_pb2 as pb

CHUNK_BYTES = 512 << 10
MAX_PREVIEW_BYTES = 96 << 10
MAX_LOG_CHARS = 4000

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Progress:
    """`step` of `total` `unit`s are done."""

    step: int
    total: int
    unit: str = "steps"


@dataclass(frozen=True)
class Log:
    """A line for the user."""

    text: str


@dataclass(frozen=True)
class Preview:
    """A small picture or sound of the work so far; larger than 96 KiB it is left out."""

    media_type: str
    data: bytes


@dataclass(frozen=True)
class Metric:
    """A number about this run."""

    name: str
    value: float


@dataclass(frozen=True)
class Output:
    """Bytes of an output. Several with one name make up one output, of which only the final one has `last`."""

    name: str
    media_type: str
    data: bytes
    details: Mapping[str, Any] = field(default_factory=dict)
    last: bool = True


@dataclass(frozen=True)
class Result:
    """What `generate` returns (or yields last): the seed that was used, durations in ms, a small JSON object."""

    seed: int | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)


Part = Progress | Log | Preview | Metric | Output | Result
Lossy = Progress | Preview
"""What may be left out when the network can't follow."""


def messages_of(
    part: Progress | Log | Preview | Metric | Output, opened: set[str]
) -> Iterator[pb.GenerateResponse]:
    """What is sent for a part that a generator yields. opened: names of its outputs so far, kept up to date."""
    if isinstance(part, Output):
        if part.name not in opened:
            opened.add(part.name)
            yield output_start(part.name, part.media_type, part.details)
        yield from output_chunks(part.name, part.data, part.last)
    elif not isinstance(part, Preview) or len(part.data) <= MAX_PREVIEW_BYTES:
        yield message_of(part)


def message_of(part: Progress | Log | Preview | Metric) -> pb.GenerateResponse:
    """One part on the wire."""
    match part:
        case Progress():
            made = pb.Progress(step=max(0, part.step), total=max(0, part.total), unit=part.unit)
            return pb.GenerateResponse(progress=made)
        case Log():
            return pb.GenerateResponse(log=pb.Log(text=part.text[:MAX_LOG_CHARS]))
        case Preview():
            return pb.GenerateResponse(preview=pb.Preview(media_type=part.media_type, data=part.data))
        case Metric():
            return pb.GenerateResponse(metric=pb.Metric(name=part.name, value=part.value))


def output_start(name: str, media_type: str, details: Mapping[str, Any]) -> pb.GenerateResponse:
    """The message that opens an output."""
    made = pb.OutputStart(name=name, media_type=media_type, details_json=_encode(details) if details else b"")
    return pb.GenerateResponse(output_start=made)


def output_chunks(name: str, data: bytes, last: bool) -> Iterator[pb.GenerateResponse]:
    """The messages that carry these bytes; none for no bytes in the middle of an output."""
    for start in range(0, len(data), CHUNK_BYTES):
        end = start + CHUNK_BYTES
        final = last and end >= len(data)
        yield pb.GenerateResponse(output=pb.OutputChunk(name=name, data=data[start:end], last=final))
    if last and not data:
        yield pb.GenerateResponse(output=pb.OutputChunk(name=name, last=True))


def done(result: Result) -> pb.GenerateResponse:
    """The message that ends a run."""
    encoded = _encode(result.result) if result.result else b""
    return pb.GenerateResponse(
        done=pb.Done(seed=result.seed, timings_ms=dict(result.timings_ms), result_json=encoded)
    )


def failed(error: pb.Error) -> pb.GenerateResponse:
    """The message that ends a run which failed."""
    return pb.GenerateResponse(error=error)
