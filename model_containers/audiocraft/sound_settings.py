"""The settings of one run: complete, and checked for what its schema cannot say."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model_containers.audiocraft.input_schema import MAX_SEED
from model_containers.sdk.errors import InvalidInput


@dataclass(frozen=True)
class SoundSettings:
    """The settings of one run; `seed` is the one that is used, never -1. loudness_lufs: None: as it was made.

    melody: what the input names as the clip whose melody is followed; its bytes are in the run's files.
    """

    prompt: str
    duration_s: float
    seed: int
    temperature: float
    top_k: int
    top_p: float
    cfg_coef: float
    extend_stride_s: float
    loudness_lufs: float | None
    format: str
    melody: str | None = None


def settings_of(document: Mapping[str, Any], schema: Mapping[str, Any]) -> SoundSettings:
    """Complete an input that fits the schema; draw the seed where it is -1. Raises InvalidInput."""
    rules: Mapping[str, Mapping[str, Any]] = schema["properties"]
    values = {name: document.get(name, rule.get("default")) for name, rule in rules.items()}
    # JSON has one kind of number, and to JSON Schema 20.0 is an integer.
    whole = {name: int(values[name]) for name, rule in rules.items() if rule["type"] == "integer"}
    real = {name: float(values[name]) for name, rule in rules.items() if rule["type"] == "number"}
    if whole["seed"] == -1:
        whole["seed"] = secrets.randbelow(MAX_SEED + 1)
    settings = SoundSettings(**{**values, **whole, **real})
    try:
        settings.prompt.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput("prompt", "holds half of a surrogate pair") from error
    return settings
