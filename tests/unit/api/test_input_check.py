"""Input against a model's schema and limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.bootstrap import load_catalogue
from evoke.domain.catalogue import Catalogue, Limits, Model
from evoke.domain.errors import InvalidInput
from services.api.input_check import InputCheck, input_checks
from services.api.problems import InvalidFields

CATALOGUE: Catalogue = load_catalogue(None)
SHAPES = input_checks(CATALOGUE)["shapes-64"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=10,
)


def refused(value: dict[str, Any], check: InputCheck = SHAPES) -> dict[str, str]:
    with pytest.raises(InvalidFields) as raised:
        check.complete(value)
    return {error.field: error.message for error in raised.value.errors}


def test_defaults_are_filled_in_and_what_was_given_stays() -> None:
    complete = SHAPES.complete({"prompt": "a", "steps": 3})
    assert (complete["steps"], complete["width"], complete["sampler_name"]) == (3, 64, "euler_a")


def test_a_whole_number_written_as_a_fraction_becomes_an_integer() -> None:
    steps = SHAPES.complete({"prompt": "a", "steps": 8.0})["steps"]
    assert (steps, type(steps)) == (8, int)


@pytest.mark.parametrize(
    ("limits", "fits", "beyond", "said"),
    [
        (Limits(max_steps=20), {"steps": 20}, {"steps": 21}, "must be at most 20"),
        (
            Limits(max_duration_s=30.0),
            {"duration_s": 30},
            {"duration_s": 30.5},
            "must be at most 30 seconds",
        ),
        (Limits(max_prompt_len=4), {"prompt": "four"}, {"prompt": "fiver"}, "must have at most 4 characters"),
    ],
)
def test_a_models_own_limits_hold_beside_its_schema(
    limits: Limits, fits: dict[str, Any], beyond: dict[str, Any], said: str
) -> None:
    model = Model(
        id="m", task="t", queue="q", container="c", title="M", input={"type": "object"}, limits=limits
    )
    check = InputCheck(model)
    assert check.complete(fits) == fits
    assert refused(beyond, check) == {f"input.{next(iter(beyond))}": said}


def test_pixels_are_bounded_over_both_sides() -> None:
    model = Model(
        id="m",
        task="t",
        queue="q",
        container="c",
        title="M",
        input={"type": "object"},
        limits=Limits(max_pixels=100),
    )
    check = InputCheck(model)
    assert check.complete({"width": 10, "height": 10})
    said = refused({"width": 11, "height": 10}, check)
    assert said["input.width"] == "width x height must be at most 100 pixels, got 110"


@given(st.dictionaries(st.sampled_from(["prompt", "steps", "seed", "format", "x", "cfg_scale"]), json_values))
def test_any_input_is_accepted_or_refused_by_name(value: dict[str, Any]) -> None:
    wrong = None
    try:
        SHAPES.complete(value)
    except InvalidInput as error:
        wrong = error
    assert wrong is None or wrong.field.startswith("input")


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), (" 7 ", 7), ("-1", -1), ("+3", 3), ("1.5", "1.5"), ("1e3", "1e3"), ("", ""), ("\u0661", "\u0661"),
     ("9" * 30, "9" * 30), ("0x10", "0x10"), ("1_000", "1_000"), ("nan", "nan")],
)  # fmt: skip
def test_text_becomes_an_integer_only_where_it_plainly_is_one(text: str, number: object) -> None:
    assert SHAPES.from_text({"steps": text}) == {"steps": number}


@pytest.mark.parametrize(
    ("text", "number"), [("7.5", 7.5), ("1e1", 10.0), ("3", 3), ("inf", "inf"), ("1e999",) * 2]
)
def test_text_becomes_a_number_where_the_schema_says_number(text: str, number: object) -> None:
    assert SHAPES.from_text({"cfg_scale": text, "prompt": "12"}) == {"cfg_scale": number, "prompt": "12"}


def test_errors_never_repeat_a_large_value() -> None:
    said = refused({"prompt": "x" * 10**6, "sampler_name": "y" * 10**6})
    assert all(len(message) < 1100 for message in said.values())
