"""What a run may ask for, and that the catalogue says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from evoke.bootstrap import load_catalogue
from model_containers.diffusers.checkpoint_facts import facts_of
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.generation_settings import GenerationSettings, settings_of
from model_containers.diffusers.input_schema import MAX_SEED, Bounds, Defaults, input_schema
from model_containers.diffusers.samplers import SAMPLERS
from model_containers.sdk import InvalidInput

SHAPES_64 = Path(__file__).parents[3] / "model_containers" / "diffusers" / "shapes64" / "checkpoint"
BOUNDS = Bounds(max_side=256, max_pixels=256 * 128, max_images=16)
SCHEMA = input_schema(Defaults(width=64, height=64), BOUNDS, SAMPLERS)


def _settings(**document: Any) -> GenerationSettings:
    return settings_of({"prompt": "a circle", **document}, SCHEMA, BOUNDS)


def _without_words(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without the parts that are there for people."""
    words = {"title", "description", "examples"}
    properties = {
        name: {key: value for key, value in rule.items() if key not in words}
        for name, rule in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def test_an_input_is_completed_with_the_defaults() -> None:
    settings = settings_of(
        {"prompt": "a circle"}, input_schema(Defaults("ddim", 9, 2.5, 96, 64), BOUNDS, SAMPLERS), BOUNDS
    )
    assert (settings.sampler_name, settings.steps, settings.cfg_scale) == ("ddim", 9, 2.5)
    assert (settings.width, settings.height, settings.images, settings.format) == (96, 64, 1, "png")
    assert settings.negative_prompt == ""


def test_a_seed_of_minus_one_is_drawn_at_random() -> None:
    seeds = {_settings(seed=-1).seed for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


def test_seeds_count_up_and_begin_again_after_the_largest() -> None:
    settings = _settings(seed=MAX_SEED - 1, batch_size=3)
    assert [settings.seed_of(index) for index in range(3)] == [MAX_SEED - 1, MAX_SEED, 0]
    assert settings.of_picture(2) == {**settings.of_picture(0), "seed": 0}
    assert settings.of_picture(1)["batch_size"] == 1


def test_whole_numbers_may_be_written_as_floats_in_json() -> None:
    document = {"prompt": "a circle", "steps": 20.0, "width": 64.0, "seed": 7.0}
    assert jsonschema_rs.Draft202012Validator(SCHEMA).is_valid(document)
    settings = settings_of(document, SCHEMA, BOUNDS)
    assert [type(value) for value in (settings.steps, settings.width, settings.seed)] == [int, int, int]


@pytest.mark.parametrize(
    ("document", "field", "limit"),
    [
        ({"width": 256, "height": 256}, "width", "32768"),
        ({"batch_size": 8, "n_iters": 3}, "batch_size", "16"),
        ({"prompt": "a \ud800 circle"}, "prompt", "surrogate"),
        ({"negative_prompt": "\udfff"}, "negative_prompt", "surrogate"),
    ],
)
def test_what_the_schema_cannot_say_is_checked_too(document: dict[str, Any], field: str, limit: str) -> None:
    with pytest.raises(InvalidInput, match=limit) as caught:
        _settings(**document)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"prompt": ""},
        {"prompt": "x" * 1001},
        {"prompt": "x", "steps": 0},
        {"prompt": "x", "steps": 151},
        {"prompt": "x", "steps": "20"},
        {"prompt": "x", "cfg_scale": 31},
        {"prompt": "x", "width": 63},
        {"prompt": "x", "width": 68},
        {"prompt": "x", "width": 264},
        {"prompt": "x", "seed": -2},
        {"prompt": "x", "seed": MAX_SEED + 1},
        {"prompt": "x", "sampler_name": "dpm++_sde"},
        {"prompt": "x", "batch_size": 9},
        {"prompt": "x", "format": "gif"},
        {"prompt": "x", "unknown": 1},
    ],
)
def test_the_schema_refuses_what_is_beyond_a_limit(document: dict[str, Any]) -> None:
    assert not jsonschema_rs.Draft202012Validator(SCHEMA).is_valid(document)


def test_the_schema_of_every_checkpoint_is_a_schema() -> None:
    jsonschema_rs.meta.validate(SCHEMA)


def test_the_catalogue_and_the_container_agree_about_shapes_64() -> None:
    facts = facts_of(checkpoint_files(SHAPES_64), Bounds())
    entry = load_catalogue(None).get("shapes-64")
    assert _without_words(facts.schema) == _without_words(entry.input)
    assert (facts.bounds.max_pixels, facts.bounds.max_images) == (
        entry.limits.max_pixels,
        entry.limits.max_images,
    )
