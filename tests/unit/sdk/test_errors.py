"""What an exception of a model tells the caller."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk import CheckpointError, DeadlineExceeded, InvalidInput, OutOfMemory
from model_containers.sdk.errors import wire_error


class OutOfMemoryError(RuntimeError):
    """As torch's is called."""


class TorchLike(OutOfMemoryError):
    """As torch's own subclasses are."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvalidInput("steps", "too many"), pb.ERROR_CLASS_INVALID_INPUT),
        (OutOfMemory("full"), pb.ERROR_CLASS_OUT_OF_MEMORY),
        (MemoryError(), pb.ERROR_CLASS_OUT_OF_MEMORY),
        (OutOfMemoryError("CUDA out of memory"), pb.ERROR_CLASS_OUT_OF_MEMORY),
        (TorchLike("CUDA out of memory"), pb.ERROR_CLASS_OUT_OF_MEMORY),
        (CheckpointError("torn"), pb.ERROR_CLASS_CHECKPOINT),
        (DeadlineExceeded(), pb.ERROR_CLASS_DEADLINE),
        (ValueError("a library's own"), pb.ERROR_CLASS_MODEL_ERROR),
        (KeyboardInterrupt(), pb.ERROR_CLASS_MODEL_ERROR),
    ],
)
def test_every_exception_has_its_class(error: BaseException, expected: pb.ErrorClass) -> None:
    assert wire_error(error).error_class == expected


def test_invalid_input_names_its_field_apart_from_the_reason() -> None:
    told = wire_error(InvalidInput("steps", "too many"))
    assert (told.field, told.message) == ("steps", "too many")
    assert str(InvalidInput("", "no JSON")) == "no JSON"


def test_pydantics_refusal_names_the_path_and_not_the_value() -> None:
    class Inner(BaseModel):
        steps: list[int]

    with pytest.raises(ValidationError) as refusal:
        Inner.model_validate({"steps": [1, "secret"]})
    told = wire_error(refusal.value)
    assert told.field == "steps.1"
    assert "secret" not in told.message


def test_messages_are_bounded_and_always_valid_text() -> None:
    told = wire_error(RuntimeError("\ud800" + "x" * 10_000))
    assert len(told.message) == 2000
    assert "?" in told.message
