"""What a model raises on purpose, and what each exception means to the caller."""

from __future__ import annotations

from pydantic import ValidationError

from evoke.protocol.generated import model_pb2 as pb

MAX_MESSAGE_CHARS = 2000


class InvalidInput(ValueError):
    """The input can't be served. It is never tried again. field: which part of the input, may be empty."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class OutOfMemory(RuntimeError):
    """Memory (of the GPU or the machine) did not suffice. It is tried again."""


class CheckpointError(RuntimeError):
    """The weights can't be used: missing, broken, of another architecture. Raised in `setup`, every run reports it."""


class DeadlineExceeded(RuntimeError):
    """The run's time is over."""


class Cancelled(BaseException):
    """The caller no longer wants the run. Let it pass: like CancelledError, it is no Exception."""


def wire_error(error: BaseException) -> pb.Error:
    """Return what the caller is told of an exception: class, message, field; never a traceback.

    Anything that is not named here is a MODEL_ERROR. Out-of-memory errors of torch, cupy and others are known by the
    names of their classes, so that none of these libraries is needed.
    """
    if isinstance(error, InvalidInput):
        return _made(pb.ERROR_CLASS_INVALID_INPUT, error.reason, error.field)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return _made(pb.ERROR_CLASS_INVALID_INPUT, first["msg"], ".".join(str(part) for part in first["loc"]))
    if isinstance(error, OutOfMemory | MemoryError) or _names(error) & {"OutOfMemoryError", "OutOfMemory"}:
        return _made(pb.ERROR_CLASS_OUT_OF_MEMORY, str(error) or "out of memory")
    if isinstance(error, CheckpointError):
        return _made(pb.ERROR_CLASS_CHECKPOINT, str(error))
    if isinstance(error, DeadlineExceeded):
        return _made(pb.ERROR_CLASS_DEADLINE, str(error) or "the run's time is over")
    return _made(pb.ERROR_CLASS_MODEL_ERROR, f"{type(error).__name__}: {error}")


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _made(kind: pb.ErrorClass, message: str, field: str = "") -> pb.Error:
    return pb.Error(error_class=kind, message=_text(message)[:MAX_MESSAGE_CHARS], field=_text(field)[:200])


def _text(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
