"""Watchers of `make_pictures` for tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.generation import Estimate, make_pictures
from model_containers.diffusers.generation_settings import GenerationSettings

USUAL = GenerationSettings(
    prompt="a red circle",
    negative_prompt="",
    seed=11,
    sampler_name="euler",
    steps=3,
    cfg_scale=4.0,
    width=64,
    height=64,
    batch_size=1,
    n_iters=1,
    format="png",
)


class Notes:
    """Keeps what it is told. at_step: called with each report of steps."""

    def __init__(self, at_step: Callable[[int], None] = lambda done: None) -> None:
        self.steps: list[tuple[int, int]] = []
        self.estimates: list[torch.Tensor | None] = []
        self._at_step = at_step

    def stepped(self, done: int, total: int) -> None:
        self.steps.append((done, total))
        self._at_step(done)

    def showing(self, estimate: Estimate) -> None:
        self.estimates.append(estimate.latents())


def pixels(model: LoadedModel, settings: GenerationSettings, lanes: int = 2) -> list[np.ndarray]:
    """The pictures of a run as arrays (height, width, 3) of bytes."""
    return [np.asarray(picture.image) for picture in make_pictures(model, settings, lanes, Notes())]
