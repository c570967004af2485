"""What the decoder learns from: prompts, and the codes of sounds made for them."""

from __future__ import annotations

import random

import numpy as np
import torch

from model_containers.audiocraft.sounds16k.captions import training_pair
from model_containers.audiocraft.sounds16k.networks import WINDOW_FRAMES
from model_containers.audiocraft.sounds16k.scenes import said
from model_containers.audiocraft.sounds16k.scores import CODEBOOKS, ENTRIES, score


class Lessons:
    """Draws prompts and sounds, each new."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._chance = np.random.default_rng(seed)

    def draw(self, count: int) -> tuple[list[str], torch.Tensor]:
        """Draw prompts, and codes of shape (count, codebooks, frames)."""
        pairs = [training_pair(self._rng) for _ in range(count)]
        codes = [score(said(scene, self._rng), WINDOW_FRAMES, self._chance) for scene, _ in pairs]
        return [prompt for _, prompt in pairs], torch.from_numpy(np.stack(codes))


def delayed(codes: torch.Tensor) -> torch.Tensor:
    """Shift codebook k by k frames: (clips, codebooks, frames + codebooks - 1), ENTRIES where there is nothing.

    The delay pattern of Copet et al., "Simple and Controllable Music Generation", 2023.
    """
    clips, books, frames = codes.shape
    shifted = torch.full((clips, books, frames + books - 1), ENTRIES, dtype=codes.dtype)
    for book in range(CODEBOOKS):
        shifted[:, book, book : book + frames] = codes[:, book]
    return shifted
