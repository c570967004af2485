"""How probable it is that a segment is a cough: a few small convolutional networks, and how far they agree.

Plain NumPy: the networks have some thousand weights, and a container without PyTorch starts in a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from model_containers.cough.algos.mel_spectrogram import Spectrogram

LAYERS = 3
STRIDE = 2
RANGE_DB = 60.0

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Probability:
    """value: mean of the networks, 0 to 1. uncertainty: standard deviation between them, 0 to 0.5."""

    value: float
    uncertainty: float


class Classifier:
    """An ensemble of networks with the same shape and other weights."""

    def __init__(self, members: Sequence[dict[str, Array]]) -> None:
        """members: weights by name, `conv0.weight` (out, in, 3, 3), `conv0.bias`, …, `head.weight`, `head.bias`."""
        self._members = list(members)

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read a `.safetensors` file with tensors `member.layer.kind`. Raises OSError, ValueError."""
        members: dict[str, dict[str, Array]] = {}
        for name, tensor in load_file(path).items():
            member, _, layer = name.partition(".")
            members.setdefault(member, {})[layer] = tensor.astype(np.float32)
        if not members:
            raise ValueError(f"{path} holds no weights")
        return cls([members[name] for name in sorted(members)])

    def classify(self, spectrograms: Sequence[Spectrogram]) -> list[Probability]:
        """Judge spectrograms of one shape; one probability for each."""
        if not spectrograms:
            return []
        images = scaled(np.stack(spectrograms))[:, None]
        votes = np.stack([_forward(member, images) for member in self._members])
        return [
            Probability(float(value), float(spread))
            for value, spread in zip(votes.mean(axis=0), votes.std(axis=0), strict=True)
        ]


def scaled(spectrograms: Array) -> Array:
    """Decibels from -60 to 0 as numbers from -1 to 1, as the networks take them."""
    return (spectrograms / (RANGE_DB / 2) + 1).astype(np.float32)


def overall(probabilities: Sequence[Probability]) -> Probability:
    """The probability that there is a cough in the recording: that of its clearest segment; 0 without segments."""
    return max(probabilities, key=lambda one: one.value, default=Probability(0.0, 0.0))


def _forward(weights: dict[str, Array], images: Array) -> Array:
    """Convolutions (3 × 3, stride 2, padding 1) with ReLU, the mean over the picture, a linear head, a sigmoid."""
    for layer in range(LAYERS):
        images = np.maximum(
            0, _convolved(images, weights[f"conv{layer}.weight"], weights[f"conv{layer}.bias"])
        )
    features = np.concatenate([images.mean(axis=(2, 3)), images.max(axis=(2, 3))], axis=1)
    logits = features @ weights["head.weight"].T + weights["head.bias"]
    return np.asarray(1 / (1 + np.exp(-np.clip(logits[:, 0], -30, 30))), np.float32)


def _convolved(images: Array, weight: Array, bias: Array) -> Array:
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::STRIDE, ::STRIDE]
    convolved: Array = np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True) + bias[:, None, None]
    return convolved
