"""What a checkpoint's configs say, read without loading a weight."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from model_containers.audiocraft.input_schema import Bounds, Defaults, input_schema
from model_containers.checkpoints.files import read_json
from model_containers.sdk.errors import CheckpointError

SOUND, MUSIC = "text-to-sound", "text-to-music"
SOUND_RATE_HZ = 16000
"""AudioGen's models make sounds at this rate, MusicGen's make music at 32 kHz."""

WINDOW_S = {SOUND: 10.0, MUSIC: 30.0}
"""Seconds that AudioGen's and MusicGen's published models were trained on."""

_DEFAULTS = {SOUND: Defaults(10.0, 5.0), MUSIC: Defaults(30.0, 18.0)}
_CONTAINER_KEYS = ("task", "window_s")


@dataclass(frozen=True)
class Facts:
    """What a checkpoint makes. window_s: seconds that its decoder sees at once. melody: whether it follows a clip's.

    channels: 1, or 2 for stereo.
    """

    task: str
    rate_hz: int
    frame_hz: int
    window_s: float
    defaults: Defaults
    bounds: Bounds
    melody: bool = False
    channels: int = 1

    @property
    def window_frames(self) -> int:
        """Frames that the decoder sees at once."""
        return max(2, round(self.window_s * self.frame_hz))

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of a run's input."""
        return input_schema(self.defaults, self.bounds, self.melody)


UNKNOWN = Facts(SOUND, SOUND_RATE_HZ, 50, 10.0, Defaults(), Bounds())
"""What is said of a checkpoint whose configs can't be read: its runs end in a checkpoint error all the same."""


def facts_of(codec: Mapping[str, Any], wishes: Mapping[str, Any], bounds: Bounds, source: Path) -> Facts:
    """Derive the facts. codec: the config of the EnCodec; wishes: `generation_defaults.json`.

    bounds: what the container allows at most. source: what to name in errors. Raises CheckpointError.
    """
    rate, ratios = codec.get("sampling_rate"), codec.get("upsampling_ratios")
    if not isinstance(rate, int) or not isinstance(ratios, list) or not ratios:
        raise CheckpointError(f"{source}: audio_encoder must have sampling_rate and upsampling_ratios")
    if codec.get("audio_channels", 1) != 1:
        raise CheckpointError(
            f"{source}: only codecs of one channel are served (stereo is two of them), this one has several"
        )
    task = wishes.get("task", SOUND if rate == SOUND_RATE_HZ else MUSIC)
    if task not in WINDOW_S:
        raise CheckpointError(f"{source}: task is {task!r}, must be {SOUND} or {MUSIC}")
    window = float(wishes.get("window_s", WINDOW_S[task]))
    known = {field.name for field in fields(Defaults)}
    own = {name: value for name, value in wishes.items() if name not in _CONTAINER_KEYS}
    if unknown := sorted(set(own) - known):
        raise CheckpointError(
            f"{source}: generation_defaults.json: {unknown[0]!r} is none of"
            f" {', '.join(sorted({*known, *_CONTAINER_KEYS}))}"
        )
    defaults = replace(_DEFAULTS[task], **{"extend_stride_s": round(window * 0.6, 3), **own})
    return Facts(task, rate, math.ceil(rate / math.prod(ratios)), window, defaults, bounds)


def wishes_of(folder: Path) -> dict[str, Any]:
    """What `generation_defaults.json` of a checkpoint says; empty where there is none. Raises CheckpointError."""
    file = folder / "generation_defaults.json"
    return read_json(file) if file.exists() else {}
