"""Protocol messages to and from the port's types; wire types end in this file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from evoke.domain.errors import ErrorClass, ModelFailed, ModelUnavailable
from evoke.domain.progress import Preview
from evoke.ports.model_client import (
    Done,
    GenerationRequest,
    LogLine,
    Metric,
    ModelDescription,
    ModelMessage,
    OutputBytes,
    OutputStarted,
    StepDone,
)
from evoke.protocol.generated import model_pb2 as pb

ERROR_CLASSES = {
    pb.ERROR_CLASS_INVALID_INPUT: ErrorClass.INVALID_INPUT,
    pb.ERROR_CLASS_OUT_OF_MEMORY: ErrorClass.OUT_OF_MEMORY,
    pb.ERROR_CLASS_MODEL_ERROR: ErrorClass.MODEL_ERROR,
    pb.ERROR_CLASS_CHECKPOINT: ErrorClass.CHECKPOINT,
    pb.ERROR_CLASS_DEADLINE: ErrorClass.DEADLINE,
}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def start_of(request: GenerationRequest) -> pb.GenerateRequest:
    """The first message of a run."""
    return pb.GenerateRequest(
        start=pb.Start(
            job_id=request.job_id,
            attempt=request.attempt,
            model=request.model,
            input_json=_encode(request.input),
            deadline_s=request.deadline_s,
            files=list(request.files),
            traceparent=request.traceparent or "",
        )
    )


def description_of(model: pb.ModelDescription) -> ModelDescription:
    """One model as its container describes it. Raises ModelUnavailable when that breaks the protocol."""
    if not model.id or not model.max_concurrency:
        raise ModelUnavailable("the container describes a model without a name or without concurrency")
    return ModelDescription(
        id=model.id,
        task=model.task,
        input_schema=_object(model.input_schema_json),
        max_concurrency=model.max_concurrency,
        limits=dict(model.limits),
    )


def message_of(response: pb.GenerateResponse) -> ModelMessage | None:
    """One response as the port's type, None when there is nothing to tell (`accepted`, and what later versions add).

    Raises ModelFailed for an error, ModelUnavailable for what breaks the protocol.
    """
    reader = _READERS.get(response.WhichOneof("part") or "")
    return None if reader is None else reader(response)


def _progress(response: pb.GenerateResponse) -> ModelMessage:
    return StepDone(response.progress.step, response.progress.total, response.progress.unit)


def _preview(response: pb.GenerateResponse) -> ModelMessage:
    return Preview(media_type=response.preview.media_type, data=response.preview.data)


def _log(response: pb.GenerateResponse) -> ModelMessage:
    return LogLine(response.log.text)


def _metric(response: pb.GenerateResponse) -> ModelMessage:
    return Metric(response.metric.name, response.metric.value)


def _output_start(response: pb.GenerateResponse) -> ModelMessage:
    start = response.output_start
    return OutputStarted(start.name, start.media_type, _object(start.details_json))


def _output(response: pb.GenerateResponse) -> ModelMessage:
    return OutputBytes(response.output.name, response.output.data, response.output.last)


def _done(response: pb.GenerateResponse) -> ModelMessage:
    done = response.done
    seed = done.seed if done.HasField("seed") else None
    return Done(seed, dict(done.timings_ms), _object(done.result_json))


def _error(response: pb.GenerateResponse) -> NoReturn:
    raise failure_of(response.error)


_READERS: dict[str, Callable[[pb.GenerateResponse], ModelMessage]] = {
    "progress": _progress,
    "preview": _preview,
    "log": _log,
    "metric": _metric,
    "output_start": _output_start,
    "output": _output,
    "done": _done,
    "error": _error,
}


def failure_of(error: pb.Error) -> ModelFailed:
    """The container's error with its class; a class that this version does not know counts as a model error."""
    message = f"{error.field}: {error.message}" if error.field else error.message
    return ModelFailed(ERROR_CLASSES.get(error.error_class, ErrorClass.MODEL_ERROR), message[:2000])


def _object(text: bytes) -> dict[str, Any]:
    if not text:
        return {}
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelUnavailable(f"the container sent something that is no JSON object: {error}") from error
