"""What came of a run: its outputs, what it reported, its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc

from evoke.protocol.generated import model_pb2 as pb
from model_containers.workbench.connection import Transcript


class RunFailed(Exception):
    """The run ended with an error. error_class: `invalid_input`, ... field: the input's field, may be empty."""

    def __init__(self, error_class: str, message: str, field: str = "") -> None:
        super().__init__(f"{error_class}: {field}: {message}" if field else f"{error_class}: {message}")
        self.error_class = error_class
        self.field = field
        self.message = message


@dataclass
class OutputFile:
    """One output."""

    media_type: str
    details: Mapping[str, Any]
    data: bytes = b""


@dataclass
class Outcome:
    """A run that succeeded. outputs: by name. progress: (step, total, unit). metrics: by name."""

    outputs: dict[str, OutputFile] = field(default_factory=dict)
    progress: list[tuple[int, int, str]] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    previews: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    seed: int | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    took_s: float = 0.0


def outcome_of(transcript: Transcript) -> Outcome:
    """Read a transcript. Raises RunFailed for a run that did not succeed."""
    if transcript.status is not grpc.StatusCode.OK:
        raise RunFailed(transcript.status.name.lower(), transcript.details or "the call failed")
    outcome = Outcome(took_s=transcript.took_s)
    for message in transcript.messages:
        _take(outcome, message)
    if not transcript.messages or transcript.messages[-1].WhichOneof("part") != "done":
        raise RunFailed("protocol", "the container ended the run without a word")
    return outcome


def error_class_of(error: pb.Error) -> str:
    """The error's class as evoke names it: `invalid_input`, `out_of_memory`, ..."""
    names = {value: name for name, value in pb.ErrorClass.items()}
    name = names.get(error.error_class, f"error_class_{error.error_class}")
    return name.removeprefix("ERROR_CLASS_").lower()


def _take(outcome: Outcome, message: pb.GenerateResponse) -> None:
    match message.WhichOneof("part"):
        case "progress":
            told = message.progress
            outcome.progress.append((told.step, told.total, told.unit))
        case "log":
            outcome.logs.append(message.log.text)
        case "preview":
            outcome.previews += 1
        case "metric":
            outcome.metrics[message.metric.name] = message.metric.value
        case "output_start":
            opened = message.output_start
            outcome.outputs[opened.name] = OutputFile(opened.media_type, _object(opened.details_json))
        case "output":
            outcome.outputs[message.output.name].data += message.output.data
        case "done":
            done = message.done
            outcome.seed = done.seed if done.HasField("seed") else None
            outcome.result = _object(done.result_json)
            outcome.timings_ms = dict(done.timings_ms)
        case "error":
            error = message.error
            raise RunFailed(error_class_of(error), error.message, error.field)


def _object(text: bytes) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}
