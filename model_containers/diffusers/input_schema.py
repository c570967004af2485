"""The JSON Schema of a run's input: the same settings for every checkpoint, with its own defaults and bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_PROMPT = 1000
MAX_SEED = 2**32 - 1
MAX_PER_FIELD = 8
MIN_SIDE = 64
FORMATS = ("png", "jpeg", "webp")
PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp")
FILE = "x-evoke-file"
"""Says that a field names a file, whose bytes come under the field's name; its value are the types that it may have."""
RESIZE_MODES = ("crop", "stretch")


@dataclass(frozen=True)
class Defaults:
    """What a run uses where its input is silent: sampler, steps, guidance, and size in pixels."""

    sampler_name: str = "euler"
    steps: int = 25
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512


@dataclass(frozen=True)
class Bounds:
    """The most that a run may ask for.

    max_side and side_step: pixels of a picture's side and what it must be a multiple of; max_pixels: width x height;
    max_images: batch_size x n_iters.
    """

    max_side: int = 2048
    side_step: int = 8
    max_pixels: int = 2048 * 2048
    max_images: int = 16
    max_steps: int = 150


def _text(title: str, description: str, **rules: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": MAX_PROMPT, "title": title, "description": description, **rules}


def _whole(title: str, least: int, most: int, default: int, **rules: Any) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default, "title": title, **rules}


def _choice(title: str, names: Iterable[str], default: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(names), "default": default, "title": title}


def _picture(title: str, description: str) -> dict[str, Any]:
    said = {"title": title, "description": description}
    return {"type": "string", "maxLength": 80, FILE: list(PICTURE_TYPES), **said}


def _share(title: str, default: float, description: str) -> dict[str, Any]:
    said = {"title": title, "description": description}
    return {"type": "number", "minimum": 0, "maximum": 1, "default": default, **said}


def _redrawing() -> dict[str, Any]:
    """What a checkpoint takes that can begin with a picture."""
    return {
        "init_image": _picture(
            "Picture to begin with", "file:ID of an upload, or job:ID/NUMBER of an output."
        ),
        "mask": _picture("Mask", "Draw only where this picture is white; needs a picture to begin with."),
        "strength": _share("Strength", 0.75, "How much of the picture to begin with is drawn anew."),
        "resize_mode": _choice("Fit of the given picture", RESIZE_MODES, "crop"),
        "loras": _loras(),
        "hires_scale": {
            **{"type": "number", "minimum": 1, "maximum": 4, "default": 1, "title": "High-resolution scale"},
            "description": "How much larger the finished picture is: it is drawn twice, small and then large.",
        },
        "hires_strength": _share("High-resolution strength", 0.6, "How much is drawn anew the second time."),
        "hires_steps": _whole(
            "High-resolution steps", 0, 150, 0, description="0: as many as the first time."
        ),
    }


def _loras() -> dict[str, Any]:
    name = {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._ -]{0,99}$"}
    weight = {"type": "number", "minimum": -4, "maximum": 4, "default": 1}
    each = {"name": name, "weight": weight}
    item = {"type": "object", "additionalProperties": False, "required": ["name"], "properties": each}
    said = "Small changes of the model, by the names of their files, each with a weight."
    return {
        "type": "array",
        "maxItems": 8,
        "default": [],
        "title": "LoRAs",
        "description": said,
        "items": item,
    }


def input_schema(
    defaults: Defaults, bounds: Bounds, samplers: Iterable[str], *, redraws: bool = True
) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the input of a checkpoint with these defaults, bounds and samplers.

    redraws: it can begin with a picture.
    """
    seed = "The same seed gives the same picture; -1 draws one at random."
    guidance = {"type": "number", "minimum": 0, "maximum": 30, "default": defaults.cfg_scale}
    properties = {
        "prompt": _text("Prompt", "What to draw.", minLength=1),
        "negative_prompt": _text("Negative prompt", "What not to draw.", default=""),
        "seed": _whole("Seed", -1, MAX_SEED, -1, description=seed),
        "sampler_name": _choice("Sampler", samplers, defaults.sampler_name),
        "steps": _whole("Steps", 1, bounds.max_steps, defaults.steps),
        "cfg_scale": {**guidance, "title": "Guidance", "description": "How closely to follow the prompt."},
        "width": _side("Width", bounds, defaults.width),
        "height": _side("Height", bounds, defaults.height),
        "batch_size": _whole("Pictures per batch", 1, MAX_PER_FIELD, 1),
        "n_iters": _whole("Batches", 1, MAX_PER_FIELD, 1),
        "format": _choice("Format", FORMATS, "png"),
        **(_redrawing() if redraws else {}),
    }
    return {"type": "object", "additionalProperties": False, "required": ["prompt"], "properties": properties}


def _side(title: str, bounds: Bounds, default: int) -> dict[str, Any]:
    rules = {
        "multipleOf": bounds.side_step,
        "description": f"Pixels; {default} is what the model was trained for.",
    }
    return _whole(title, MIN_SIDE, bounds.max_side, default, **rules)
