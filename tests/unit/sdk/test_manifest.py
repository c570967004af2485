"""Inputs are checked before a model sees them."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, Field, ValidationError

from model_containers.sdk import InvalidInput, Manifest


class Picture(BaseModel):
    prompt: str = Field(min_length=1)
    steps: int = Field(20, ge=1, le=150)


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["no"],
    "properties": {
        "no": {"type": "integer", "minimum": 0},
        "deep": {"type": "array", "items": {"type": "number"}},
    },
}


def test_a_pydantic_model_gives_its_instance_with_defaults() -> None:
    manifest = Manifest(id="a", task="t", input=Picture)
    assert manifest.parse(b'{"prompt": "x"}') == Picture(prompt="x", steps=20)
    assert manifest.schema["properties"]["steps"]["maximum"] == 150


def test_a_pydantic_model_refuses_what_it_does_not_allow() -> None:
    with pytest.raises(ValidationError):
        Manifest(id="a", task="t", input=Picture).parse(b'{"prompt": "x", "steps": 151}')


def test_a_json_schema_gives_a_dict() -> None:
    assert Manifest(id="a", task="t", input=SCHEMA).parse(b'{"no": 3}') == {"no": 3}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b'{"no": -1}', "no"),
        (b'{"no": 1, "deep": [1, "x"]}', "deep.1"),
        (b'{"no": 1, "other": 1}', ""),
        (b"{}", ""),
        (b"[]", ""),
        (b'{"no": NaN}', ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_a_json_schema_refuses_naming_the_place(text: bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Manifest(id="a", task="t", input=SCHEMA).parse(text)
    assert refusal.value.field == field


def test_a_description_carries_the_schema_the_limits_and_the_containers_capacity() -> None:
    described = Manifest(
        id="a", task="t", input=SCHEMA, max_concurrency=9, limits={"max_pixels": 4.0}
    ).describe(2)
    assert (described.id, described.task, described.max_concurrency) == ("a", "t", 2)
    assert json.loads(described.input_schema_json) == SCHEMA
    assert dict(described.limits) == {"max_pixels": 4.0}
