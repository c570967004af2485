"""The settings of one run: complete, and within the bounds that its schema cannot say."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from model_containers.diffusers.input_schema import MAX_SEED, Bounds
from model_containers.diffusers.prompt_weights import parse
from model_containers.sdk.errors import InvalidInput

MAX_WEIGHT = 100.0
"""Of a word of a prompt, either way."""


@dataclass(frozen=True)
class GenerationSettings:
    """The settings of one run; `seed` is the one that is used, never -1. Sizes are in pixels.

    init_image, mask: what the run's input names; their bytes are in the run's files. strength: the share of the steps
    that are made, beginning with the picture and as much noise as is left then.
    """

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
    init_image: str | None = None
    mask: str | None = None
    strength: float = 0.75
    resize_mode: str = "crop"
    loras: tuple[Mapping[str, Any], ...] = ()
    hires_scale: float = 1.0
    hires_strength: float = 0.6
    hires_steps: int = 0

    @property
    def images(self) -> int:
        """How many pictures the run makes."""
        return self.batch_size * self.n_iters

    def seed_of(self, index: int) -> int:
        """The seed of picture `index`: counted up from the run's, from 0 again after the largest."""
        return (self.seed + index) % (MAX_SEED + 1)

    def of_picture(self, index: int) -> dict[str, Any]:
        """The input that makes picture `index` again, by itself: what is optional only where it was made use of."""
        unused = {field.name for field in fields(self) if getattr(self, field.name) == field.default}
        values = {name: value for name, value in asdict(self).items() if name not in unused}
        return {**values, "seed": self.seed_of(index), "batch_size": 1, "n_iters": 1}


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
    real = {name: float(values[name]) for name, rule in rules.items() if rule["type"] == "number"}
    if "loras" in values:
        values["loras"] = tuple({"weight": 1.0, **each} for each in values["loras"])
    settings = GenerationSettings(**{**values, **whole, **real})
    _check_text("prompt", settings.prompt)
    _check_text("negative_prompt", settings.negative_prompt)
    _check_weights("prompt", settings.prompt)
    _check_weights("negative_prompt", settings.negative_prompt)
    _check_bounds(settings, bounds)
    _check_pictures(settings)
    _check_hires(settings, bounds)
    return settings


def _check_text(field: str, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(field, "holds half of a surrogate pair") from error


def _check_weights(field: str, text: str) -> None:
    for piece in parse(text):
        if abs(piece.weight) > MAX_WEIGHT:
            raise InvalidInput(
                field, f"{piece.text[:40]!r} weighs {piece.weight:g}, the limit is {MAX_WEIGHT:g}"
            )


def _check_bounds(settings: GenerationSettings, bounds: Bounds) -> None:
    pixels = settings.width * settings.height
    if pixels > bounds.max_pixels:
        raise InvalidInput("width", f"width x height is {pixels} pixels, the limit is {bounds.max_pixels}")
    if settings.images > bounds.max_images:
        asked = f"batch_size x n_iters is {settings.images} pictures"
        raise InvalidInput("batch_size", f"{asked}, the limit is {bounds.max_images}")


def hires_size(settings: GenerationSettings, step: int) -> tuple[int, int]:
    """Width and height of the finished picture in pixels, multiples of `step`."""
    width, height = (
        step * round(side * settings.hires_scale / step) for side in (settings.width, settings.height)
    )
    return width, height


def _check_hires(settings: GenerationSettings, bounds: Bounds) -> None:
    if settings.hires_scale == 1.0:
        return
    width, height = hires_size(settings, bounds.side_step)
    if width * height > bounds.max_pixels or max(width, height) > bounds.max_side:
        most = f"a side has at most {bounds.max_side} pixels, a picture {bounds.max_pixels}"
        raise InvalidInput("hires_scale", f"makes {width} x {height}: {most}")
    if denoising_steps(settings.hires_steps or settings.steps, settings.hires_strength) < 1:
        raise InvalidInput("hires_strength", "leaves no step to make: ask for more strength or more steps")


def _check_pictures(settings: GenerationSettings) -> None:
    if settings.mask is not None and settings.init_image is None:
        raise InvalidInput("mask", "needs init_image, the picture that it is a mask of")
    if settings.init_image is not None and denoising_steps(settings.steps, settings.strength) < 1:
        made = f"{settings.strength:g} of {settings.steps} steps is none"
        raise InvalidInput("strength", f"{made}: strength must be at least {1 / settings.steps:.4g}")


def denoising_steps(steps: int, strength: float) -> int:
    """How many of `steps` are made at this strength, as diffusers counts them."""
    return min(int(steps * strength), steps)
