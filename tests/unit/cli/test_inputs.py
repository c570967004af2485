"""What is typed becomes the input that the model's schema describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.failures import Usage
from cli.inputs import build_input

PICTURE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string"},
        "steps": {"type": "integer"},
        "cfg_scale": {"type": "number"},
        "tiling": {"type": "boolean"},
        "seed": {"type": "integer"},
        "sizes": {"type": "array"},
        "extra": {"type": "object"},
        "anything": {},
    },
}
FACTORIAL: dict[str, Any] = {
    "additionalProperties": False,
    "required": ["no"],
    "properties": {"no": {"type": "integer"}},
}


def test_text_is_the_prompt() -> None:
    assert build_input(PICTURE, "a red circle", [], None) == {"prompt": "a red circle"}


def test_text_goes_to_the_one_required_field_of_a_model_without_a_prompt() -> None:
    assert build_input(FACTORIAL, "150000", [], None) == {"no": 150000}


def test_text_for_a_model_with_several_required_fields_is_refused_with_their_names() -> None:
    schema = {"required": ["a", "b"], "properties": {"a": {}, "b": {}}}
    with pytest.raises(Usage) as caught:
        build_input(schema, "x", [], None)
    assert "-p a=... -p b=..." in caught.value.advice[0]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("steps=20", 20),
        ("cfg_scale=4.5", 4.5),
        ("cfg_scale=4", 4.0),
        ("tiling=true", True),
        ("tiling=no", False),
        ("prompt=a=b", "a=b"),
        ("prompt=20", "20"),
        ("prompt=", ""),
        ("sizes=[1, 2]", [1, 2]),
        ('extra={"a": 1}', {"a": 1}),
        ("anything=3", 3),
        ("anything=word", "word"),
    ],
)
def test_parameters_have_the_type_that_the_schema_wants(typed: str, expected: object) -> None:
    name = typed.partition("=")[0]
    value = build_input(PICTURE, None, [typed], None)[name]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("steps=many", "steps must be a whole number, got 'many'"),
        ("steps=1.5", "steps must be a whole number"),
        ("cfg_scale=x", "cfg_scale must be a number"),
        ("tiling=maybe", "tiling must be true or false"),
        ("sizes=1", "sizes must be a JSON array"),
        ("extra=[]", "extra must be a JSON object"),
        ("stesp=3", "did you mean steps?"),
        ("zzz=3", "it has prompt, steps"),
        ("steps", "-p takes NAME=VALUE"),
        ("=3", "-p takes NAME=VALUE"),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_is_right(typed: str, message: str) -> None:
    with pytest.raises(Usage) as caught:
        build_input(PICTURE, "x", [typed], None)
    assert message in str(caught.value)


def test_a_model_that_takes_more_than_it_names_gets_unknown_fields() -> None:
    assert build_input({"properties": {}}, None, ["more=1"], None) == {"more": 1}


def test_a_file_holds_the_whole_input_and_parameters_win_over_it(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text(json.dumps({"prompt": "from the file", "steps": 5}), encoding="utf-8")
    assert build_input(PICTURE, f"@{path}", ["steps=9"], 7) == {
        "prompt": "from the file",
        "steps": 9,
        "seed": 7,
    }


@pytest.mark.parametrize(("content", "message"), [("{", "holds no JSON"), ("[]", "must hold a JSON object")])
def test_a_file_that_is_no_input_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "input.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Usage) as caught:
        build_input(PICTURE, f"@{path}", [], None)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(Usage, match="can't read"):
        build_input(PICTURE, "@/nowhere/input.json", [], None)


def test_a_seed_for_a_model_that_takes_none_is_refused() -> None:
    with pytest.raises(Usage, match="no field 'seed'"):
        build_input(FACTORIAL, "3", [], 1)
