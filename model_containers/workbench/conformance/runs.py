"""Checks of a run that succeeds: the order of its messages, its progress, the size of its pieces."""

from __future__ import annotations

import asyncio
import json

from evoke.protocol.generated import model_pb2 as pb
from evoke.protocol.methods import MAX_CHUNK_BYTES, MAX_MESSAGE_BYTES
from model_containers.workbench.conformance.subject import Broken, Subject, must_succeed
from model_containers.workbench.connection import Transcript

MAX_PREVIEW_BYTES = 96 << 10
MAX_NAME_CHARS = 200


async def order(subject: Subject) -> str:
    """Outputs are opened once, then written, then ended; `done` comes last and only once; JSON is JSON."""
    transcript = await subject.succeed()
    ends = [*transcript.of("done"), *transcript.of("error")]
    if len(ends) > 1 or transcript.messages[-1] is not ends[0]:
        raise Broken("done must be the last message, and come once")
    opened: set[str] = set()
    closed: set[str] = set()
    for message in transcript.messages:
        if message.WhichOneof("part") == "output_start":
            _open(message.output_start, opened)
        elif message.WhichOneof("part") == "output":
            _write(message.output, opened, closed)
        elif message.WhichOneof("part") is None:
            raise Broken("a message is empty")
    if opened - closed:
        raise Broken(f"output {min(opened - closed)!r} was not ended with `last`")
    _object("result_json", ends[0].done.result_json)
    return f"{len(transcript.messages)} messages, {len(opened)} outputs in {transcript.took_s:.2f} s"


def _open(start: pb.OutputStart, opened: set[str]) -> None:
    if not start.name or "/" in start.name or "\\" in start.name or start.name in (".", ".."):
        raise Broken(f"{start.name!r} is no file name for an output")
    if len(start.name) > MAX_NAME_CHARS:
        raise Broken(f"the name of an output has {len(start.name)} characters, at most {MAX_NAME_CHARS}")
    if start.name in opened:
        raise Broken(f"output {start.name!r} was opened twice")
    if start.media_type.count("/") != 1:
        raise Broken(f"output {start.name!r} has {start.media_type!r} for a media type")
    _object(f"details_json of {start.name!r}", start.details_json)
    opened.add(start.name)


def _write(chunk: pb.OutputChunk, opened: set[str], closed: set[str]) -> None:
    if chunk.name not in opened:
        raise Broken(f"output {chunk.name!r} was written before it was opened")
    if chunk.name in closed:
        raise Broken(f"output {chunk.name!r} was written after its `last`")
    if chunk.last:
        closed.add(chunk.name)


def _object(what: str, text: bytes) -> None:
    try:
        value = json.loads(text, parse_constant=_no_json) if text else {}
    except ValueError as error:
        raise Broken(f"{what} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Broken(f"{what} is no JSON object")


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


async def progress(subject: Subject) -> str:
    """Progress never goes back, and never beyond its total."""
    told = [message.progress for message in (await subject.succeed()).of("progress")]
    last: dict[str, int] = {}
    for step in told:
        if step.total and step.step > step.total:
            raise Broken(f"step {step.step} of {step.total} {step.unit}")
        if step.step < last.get(step.unit, 0):
            raise Broken(f"progress went back from {last[step.unit]} to {step.step} {step.unit}")
        last[step.unit] = step.step
    return f"{len(told)} reports" if told else "no progress is reported"


async def pieces(subject: Subject) -> str:
    """No piece of an output is larger than 1 MiB, no preview than 96 KiB, no message than 4 MiB."""
    transcript = await subject.succeed()
    largest = max((len(message.output.data) for message in transcript.of("output")), default=0)
    if largest > MAX_CHUNK_BYTES:
        raise Broken(f"a piece of an output has {largest} bytes, at most {MAX_CHUNK_BYTES}")
    preview = max((len(message.preview.data) for message in transcript.of("preview")), default=0)
    if preview > MAX_PREVIEW_BYTES:
        raise Broken(f"a preview has {preview} bytes, at most {MAX_PREVIEW_BYTES}")
    message = max((message.ByteSize() for message in transcript.messages), default=0)
    if message > MAX_MESSAGE_BYTES:
        raise Broken(f"a message has {message} bytes, at most {MAX_MESSAGE_BYTES}")
    return f"the largest piece has {largest} bytes"


async def concurrency(subject: Subject) -> str:
    """As many runs as it says it takes are all served when they come at once, none refused."""
    requests = [subject.request() for _ in range(subject.slots)]
    found: list[Transcript] = await asyncio.gather(*(subject.run(request) for request in requests))
    for transcript in found:
        must_succeed(transcript)
    return f"{subject.slots} at once in {max(t.took_s for t in found):.2f} s"
