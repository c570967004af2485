"""The JSON Schema of a run's input: the same settings for every checkpoint, with its own defaults and bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_SEED = 2**32 - 1
MAX_TOP_K = 4096
FORMATS = ("wav", "flac", "mp3", "ogg")
SOUNDS = ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/mp4")
"""Media types of the clips that a run may name."""
SHORTEST_S = 0.1


@dataclass(frozen=True)
class Defaults:
    """What a run uses where its input is silent. Durations are in seconds.

    extend_stride_s: how far the window moves when a sound is longer than what the model sees at once.
    """

    duration_s: float = 10.0
    extend_stride_s: float = 5.0
    cfg_coef: float = 3.0
    top_k: int = 250
    temperature: float = 1.0


@dataclass(frozen=True)
class Bounds:
    """The most that a run may ask for. max_duration_s: seconds; max_prompt_len: characters."""

    max_duration_s: float = 30.0
    max_prompt_len: int = 100


def input_schema(defaults: Defaults, bounds: Bounds, melody: bool = False) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the input of a checkpoint with these defaults and bounds.

    melody: whether it can follow that of a clip.
    """
    properties: dict[str, Any] = {
        "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": bounds.max_prompt_len,
            "title": "Prompt",
            "description": "What is to be heard.",
        },
        "duration_s": _number(
            "Duration",
            SHORTEST_S,
            bounds.max_duration_s,
            min(defaults.duration_s, bounds.max_duration_s),
            "Seconds; with a file to continue, of the whole.",
        ),
        "seed": _whole(
            "Seed", -1, MAX_SEED, -1, "The same seed gives the same sound; -1 draws one at random."
        ),
        "temperature": _number(
            "Temperature",
            0,
            5,
            defaults.temperature,
            "How freely to choose; 0 always takes what is likeliest.",
        ),
        "top_k": _whole("Top k", 0, MAX_TOP_K, defaults.top_k, "Choose among so many; 0: among all."),
        "top_p": _number(
            "Top p", 0, 1, 0, "Choose among the likeliest that make up this share; 0: by top k."
        ),
        "cfg_coef": _number("Guidance", 0, 20, defaults.cfg_coef, "How closely to follow the prompt."),
        "extend_stride_s": _number(
            "Stride",
            SHORTEST_S,
            bounds.max_duration_s,
            defaults.extend_stride_s,
            "Seconds that each further window adds to a sound that is longer than the model's window.",
        ),
        "loudness_lufs": {
            "type": ["number", "null"],
            "minimum": -50,
            "maximum": -5,
            "default": None,
            "title": "Loudness",
            "description": "Bring the sound to this loudness; null leaves it as the model made it.",
        },
        "format": {"type": "string", "enum": list(FORMATS), "default": "wav", "title": "Format"},
    }
    if melody:
        properties["melody"] = {
            "type": "string",
            "maxLength": 80,
            "x-evoke-file": list(SOUNDS),
            "title": "Melody",
            "description": "A sound whose melody is followed: file:ID of an upload, or job:ID/NUMBER of an output.",
        }
    return {"type": "object", "additionalProperties": False, "required": ["prompt"], "properties": properties}


def _number(title: str, least: float, most: float, default: float, description: str) -> dict[str, Any]:
    return {
        "type": "number", "minimum": least, "maximum": most, "default": default,
        "title": title, "description": description,
    }  # fmt: skip


def _whole(title: str, least: int, most: int, default: int, description: str) -> dict[str, Any]:
    return _number(title, least, most, default, description) | {"type": "integer"}
