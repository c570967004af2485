"""A form says what a schema says."""

from __future__ import annotations

from typing import Any

import pytest

from evoke.bootstrap import load_catalogue
from services.console.schema_form import Field, form_of


def field_of(said: dict[str, Any], required: bool = False, **values: Any) -> Field:
    schema = {"properties": {"it": said}, "required": ["it"] if required else []}
    form = form_of(schema, values)
    return (form.main + form.settings)[0]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"type": "string"}, "long_text"),
        ({"type": "string", "maxLength": 200}, "text"),
        ({"type": "string", "maxLength": 201}, "long_text"),
        ({"type": "string", "enum": ["a"]}, "choice"),
        ({"type": "integer"}, "integer"),
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "array"}, "json"),
        ({"type": ["string", "null"]}, "json"),
        ({}, "json"),
    ],
)
def test_each_kind_of_value_has_its_control(said: dict[str, Any], kind: str) -> None:
    assert field_of(said).kind == kind


def test_the_prompt_comes_first_then_what_is_required_and_the_rest_are_settings() -> None:
    properties = {name: {"type": "string"} for name in ("style", "size", "prompt", "steps")}
    form = form_of({"properties": properties, "required": ["size", "prompt"]})
    assert [field.name for field in form.main] == ["prompt", "size"]
    assert [field.name for field in form.settings] == ["style", "steps"]


def test_a_field_without_a_title_is_called_by_its_name() -> None:
    assert field_of({"type": "string"}).label == "It"
    assert field_of({"type": "string", "title": "That"}).label == "That"


def test_the_limits_are_hints_for_browser_and_people() -> None:
    field = field_of({"type": "integer", "minimum": 1, "maximum": 4_294_967_295, "description": "How many."})
    assert (field.minimum, field.maximum, field.step) == (1, 4_294_967_295, "1")
    assert field.hint == "How many. 1 to 4,294,967,295."
    assert field_of({"type": "number", "minimum": 0.5}).hint == "At least 0.5."
    assert field_of({"type": "number", "maximum": 2}).hint == "At most 2."


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ({"type": "number"}, "any"),
        ({"type": "number", "multipleOf": 0.5}, "0.5"),
        ({"type": "integer", "multipleOf": 8, "minimum": 64}, "8"),
        ({"type": "integer", "multipleOf": 8, "minimum": 1}, "any"),
        ({"type": "string"}, None),
    ],
)
def test_a_step_is_given_only_where_html_and_json_schema_mean_the_same(
    said: dict[str, Any], step: str | None
) -> None:
    assert field_of(said).step == step


def test_defaults_fill_the_form_and_an_earlier_input_goes_before_them() -> None:
    said = {"type": "integer", "default": 20}
    assert field_of(said).value == "20"
    assert field_of(said, it=30).value == "30"
    assert field_of({"type": "integer"}).value == ""


def test_choices_keep_their_type_and_know_the_chosen_one() -> None:
    options = field_of({"enum": ["png", 2, None], "default": 2}).options
    assert [option.value for option in options] == ['"png"', "2", "null"]
    assert [option.chosen for option in options] == [False, True, False]


def test_a_default_of_true_is_ticked_and_a_box_is_never_required() -> None:
    field = field_of({"type": "boolean", "default": True}, required=True)
    assert field.checked
    assert not field.required


def test_structures_are_edited_as_json() -> None:
    assert field_of({"type": "array", "default": ["é", 1]}).value == '["é", 1]'


def test_the_seeds_maximum_is_known_where_there_is_a_seed() -> None:
    seed = {"seed": {"type": "integer", "maximum": 99}}
    assert form_of({"properties": seed}).seed_maximum == 99
    assert form_of({"properties": {"seed": {"type": "integer"}}}).seed_maximum == (1 << 32) - 1
    assert form_of({"properties": {"prompt": {"type": "string"}}}).seed_maximum is None


def test_a_schema_without_properties_is_an_empty_form() -> None:
    assert form_of({}).main == form_of({"properties": {"odd": True}}).main == ()


def test_every_model_of_the_catalogue_that_ships_has_a_form() -> None:
    for model in load_catalogue(None).models:
        form = form_of(model.input)
        assert {field.name for field in form.main + form.settings} == set(model.input["properties"])


def test_a_file_says_which_types_it_may_have_and_how_it_is_shown() -> None:
    field = field_of({"type": "string", "x-evoke-file": ["image/png", "image/jpeg", "image/webp"]})
    assert (field.kind, field.shown_as, field.hint) == ("file", "picture", "PNG, JPEG or WEBP.")
    sound = field_of({"type": "string", "x-evoke-file": ["audio/wav"]})
    assert (sound.shown_as, sound.hint) == ("sound", "WAV.")
    assert field_of({"type": "string", "x-evoke-file": []}).shown_as == "file"


def test_a_file_of_an_earlier_job_is_shown_from_where_the_api_has_it() -> None:
    said = {"type": "string", "x-evoke-file": ["image/png"]}
    job = "019a5e2c-0000-7000-8000-000000000000"
    assert field_of(said, it=f"file:{'a' * 64}").address == f"/v1/files/{'a' * 64}/content"
    assert field_of(said, it=f"job:{job}/2").address == f"/v1/jobs/{job}/artifacts/2"
    assert field_of(said, it="https://elsewhere/x.png").address == ""
