"""What a sound begins with: nothing, or a clip that a run brings and that is to be continued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

import torch

from model_containers.audiocraft import melodies
from model_containers.audiocraft.loading import LoadedModel
from model_containers.audiocraft.sound_files import decode
from model_containers.audiocraft.sound_settings import SoundSettings
from model_containers.sdk.errors import InvalidInput

FILE = "audio"


def beginning_of(model: LoadedModel, settings: SoundSettings, files: Mapping[str, BinaryIO]) -> torch.Tensor:
    """The codes (books, frames) that a run's sound begins with. Raises InvalidInput about the clip."""
    taken = (FILE, melodies.FILE) if model.facts.melody else (FILE,)
    if unknown := sorted(set(files) - set(taken)):
        raise InvalidInput(unknown[0], f"is no file of this model; it takes {' and '.join(taken)}")
    if FILE not in files:
        return torch.zeros(model.codebooks, 0, dtype=torch.long)
    facts = model.facts
    samples = decode(files[FILE], facts.rate_hz, facts.bounds.max_duration_s, FILE, facts.channels)
    length_s, frame_s = len(samples) / facts.rate_hz, 1 / facts.frame_hz
    if length_s < frame_s:
        raise InvalidInput(FILE, f"is {length_s:.3f} s long; at least {frame_s:g} s are needed")
    if length_s >= settings.duration_s - frame_s:
        said = f"is {length_s:.2f} s long; duration_s, {settings.duration_s:g}, is of the whole and must be longer"
        raise InvalidInput(FILE, said)
    return model.codes_of(torch.from_numpy(samples))
