"""The settings of one run: complete, and within the bounds that its schema cannot say."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model_containers.diffusers.input_schema import MAX_SEED, Bounds
from model_containers.sdk.errors import InvalidInput


@dataclass(frozen=True)
class GenerationSettings:
    """The settings of one run; `seed` is the one that is used, never -1. Sizes are in pixels."""

    prompt: str
    negative_prompt: str
    seed: int
    sampler_name: str
    steps: int
    cfg_scale: float
    width: int
    height: int
    batch_size: int
    n_iters: int
    format: str

    @property
    def images(self) -> int:
        """How many pictures the run makes."""
        return self.batch_size * self.n_iters

    def seed_of(self, index: int) -> int:
        """The seed of picture `index`: counted up from the run's, from 0 again after the largest."""
        return (self.seed + index) % (MAX_SEED + 1)

    def of_picture(self, index: int) -> dict[str, Any]:
        """The input that makes picture `index` again, by itself."""
        return {**asdict(self), "seed": self.seed_of(index), "batch_size": 1, "n_iters": 1}


def settings_of(document: Mapping[str, Any], schema: Mapping[str, Any], bounds: Bounds) -> GenerationSettings:
    """Complete an input that fits the schema; draw the seed where it is -1.

    Raises InvalidInput where the fields together are beyond the bounds, or a text is no Unicode.
    """
    rules: Mapping[str, Mapping[str, Any]] = schema["properties"]
    values = {name: document.get(name, rule.get("default")) for name, rule in rules.items()}
    # JSON has one kind of number, and to JSON Schema 20.0 is an integer.
    whole = {name: int(values[name]) for name, rule in rules.items() if rule["type"] == "integer"}
    if whole["seed"] == -1:
        whole["seed"] = secrets.randbelow(MAX_SEED + 1)
    settings = GenerationSettings(**{**values, **whole, "cfg_scale": float(values["cfg_scale"])})
    _check_text("prompt", settings.prompt)
    _check_text("negative_prompt", settings.negative_prompt)
    _check_bounds(settings, bounds)
    return settings


def _check_text(field: str, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(field, "holds half of a surrogate pair") from error


def _check_bounds(settings: GenerationSettings, bounds: Bounds) -> None:
    pixels = settings.width * settings.height
    if pixels > bounds.max_pixels:
        raise InvalidInput("width", f"width x height is {pixels} pixels, the limit is {bounds.max_pixels}")
    if settings.images > bounds.max_images:
        asked = f"batch_size x n_iters is {settings.images} pictures"
        raise InvalidInput("batch_size", f"{asked}, the limit is {bounds.max_images}")
