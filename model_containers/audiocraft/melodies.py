"""A clip whose melody a run follows: its chroma, as MusicGen Melody was trained on it.

Of each moment only the strongest of the twelve pitch classes is kept. Copet et al., "Simple and Controllable Music
Generation", 2023, section 3.2; without the separation of drums and bass that it does first (Demucs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

import torch

from model_containers.audiocraft.checkpoint_facts import Facts
from model_containers.audiocraft.libraries import chroma_filter_bank
from model_containers.audiocraft.sound_files import decode
from model_containers.audiocraft.sound_settings import SoundSettings
from model_containers.sdk.errors import InvalidInput

FILE = "melody"
CLASSES = 12
_WINDOW, _HOP = 1 << 14, 1 << 12
"""Samples at the model's rate, which is 32 kHz."""


def melody_of(settings: SoundSettings, facts: Facts, files: Mapping[str, BinaryIO]) -> torch.Tensor | None:
    """The samples of the clip that the settings name, one channel at the model's rate; None where they name none.

    Raises InvalidInput naming the field.
    """
    if settings.melody is None and FILE not in files:
        return None
    if FILE not in files:
        raise InvalidInput(FILE, "names a sound, but no file of this name came with the run")
    samples = decode(files[FILE], facts.rate_hz, facts.bounds.max_duration_s, FILE)
    if len(samples) < facts.rate_hz // facts.frame_hz:
        raise InvalidInput(FILE, f"is {len(samples) / facts.rate_hz:.3f} s long, which holds no melody")
    return torch.from_numpy(samples)


def chroma(samples: torch.Tensor, rate_hz: int) -> torch.Tensor:
    """Which pitch class, from C on, is the strongest at each moment: (moments, CLASSES) of zeros and a one."""
    missing = max(0, _WINDOW - len(samples))
    padded = torch.nn.functional.pad(samples, (missing // 2, missing - missing // 2))
    spectrum = torch.stft(padded, _WINDOW, _HOP, window=torch.hann_window(_WINDOW), return_complex=True)
    filters = chroma_filter_bank(
        sampling_rate=rate_hz, num_frequency_bins=_WINDOW, tuning=0, num_chroma=CLASSES
    )
    strength = torch.from_numpy(filters).float() @ spectrum.abs().square()
    return torch.nn.functional.one_hot(strength.argmax(0), CLASSES).float()


def no_melody() -> torch.Tensor:
    """What stands for the chroma where there is no melody: (1, CLASSES)."""
    return torch.nn.functional.one_hot(torch.zeros(1, dtype=torch.long), CLASSES).float()
