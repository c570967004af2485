"""The networks in PyTorch, with the weights' names that `algos/classification.py` reads."""

from __future__ import annotations

import torch
from torch import nn

from model_containers.cough.algos.classification import LAYERS, STRIDE

CHANNELS = (12, 24, 32)


class Network(nn.Module):
    """Three convolutions, mean and maximum over the picture, a linear head: pictures (n, 1, h, w) to logits (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, *CHANNELS)
        for layer in range(LAYERS):
            self.add_module(f"conv{layer}", nn.Conv2d(widths[layer], widths[layer + 1], 3, STRIDE, 1))
        self.head = nn.Linear(2 * CHANNELS[-1], 1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        for layer in range(LAYERS):
            pictures = torch.relu(self.get_submodule(f"conv{layer}")(pictures))
        features = torch.cat([pictures.mean(dim=(2, 3)), pictures.amax(dim=(2, 3))], dim=1)
        logits: torch.Tensor = self.head(features)
        return logits
