"""Runs of a loaded model that share passes, each on a thread of its own."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.generation import Making
from model_containers.diffusers.generation_settings import GenerationSettings
from model_containers.diffusers.given_pictures import Given
from model_containers.diffusers.samplers import make_scheduler
from model_containers.diffusers.shared_passes.call import Call
from model_containers.diffusers.shared_passes.denoiser import SharedUNet
from model_containers.diffusers.shared_passes.passes import SharedPasses
from model_containers.diffusers.shared_passes.seat import Seat, SharedParts
from tests.unit.diffusers_container.watchers import Notes

PLENTY = 1 << 40
LANES = 4


class NotingUNet(SharedUNet):
    """Keeps how many rows each run had in each pass. before: called before each pass with its number, from 0."""

    def __init__(self, unet: object, before: Callable[[int], None], free_bytes: int) -> None:
        super().__init__(unet, lambda: free_bytes)
        self.passes: list[list[int]] = []
        self.limits: list[int] = []
        self._before = before

    def forward(self, calls: Sequence[Call], most_rows: int) -> list[torch.Tensor]:
        self._before(len(self.passes))
        self.passes.append([call.rows for call in calls])
        return super().forward(calls, most_rows)

    def most_rows(self, call: Call, wanted: int) -> int:
        self.limits.append(super().most_rows(call, wanted))
        return self.limits[-1]


@dataclass
class Sitting:
    """A run: its pictures as arrays, or its error, once it has ended; and how many runs its passes had."""

    thread: threading.Thread
    notes: Notes
    pictures: list[np.ndarray] = field(default_factory=list)
    error: BaseException | None = None
    batch_size: float | None = None

    def ended(self) -> Sitting:
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self


def noting(
    model: LoadedModel, before: Callable[[int], None] = lambda number: None, free_bytes: int = PLENTY
) -> LoadedModel:
    """The same model, over a UNet that notes its passes."""
    assert model.shared is not None
    unet = NotingUNet(model.pipeline.unet, before, free_bytes)
    return replace(model, shared=SharedParts(unet, model.shared.vae))


def _noted(model: LoadedModel) -> NotingUNet:
    assert model.shared is not None
    assert isinstance(model.shared.unet, NotingUNet)
    return model.shared.unet


def passes_of(model: LoadedModel) -> list[list[int]]:
    """The rows of each run in each pass of a model of `noting`."""
    return _noted(model).passes


def limits_of(model: LoadedModel) -> list[int]:
    """How many rows a pass may have, by memory, for each size that came up."""
    return _noted(model).limits


def sit(
    model: LoadedModel,
    settings: GenerationSettings,
    passes: SharedPasses,
    notes: Notes | None = None,
    given: Given | None = None,
) -> Sitting:
    """Start a run, of groups of up to four pictures."""
    notes = notes or Notes()

    def make() -> None:
        try:
            assert model.shared is not None
            with Seat(passes, model.shared, lambda: None) as seat:
                for picture in Making(model, settings, notes, seat, given).pictures(LANES):
                    sitting.pictures.append(np.asarray(picture.image))
                sitting.batch_size = seat.batch_size
        except BaseException as error:
            sitting.error = error

    sitting = Sitting(threading.Thread(target=make, daemon=True), notes)
    sitting.thread.start()
    return sitting


def alone(model: LoadedModel, settings: GenerationSettings) -> list[np.ndarray]:
    """The pictures of a run that has no neighbours."""
    sitting = sit(model, settings, SharedPasses(16)).ended()
    assert sitting.error is None, sitting.error
    return sitting.pictures


def together(model: LoadedModel, runs: Sequence[GenerationSettings], rows: int = 16) -> list[Sitting]:
    """Runs that are under way at the same time."""
    passes = SharedPasses(rows)
    return [sitting.ended() for sitting in [sit(model, settings, passes) for settings in runs]]


def call_of(model: LoadedModel, settings: GenerationSettings, seat: Seat | None) -> torch.Tensor:
    """The pixels (1, 3, height, width) of diffusers' own call of the pipeline, with a seat or as it is."""
    pipeline = copy.copy(model.pipeline)
    pipeline.scheduler = make_scheduler(settings.sampler_name, model.scheduler_config)
    if seat is not None:
        seat.furnish(pipeline)
    with torch.inference_mode():
        made = pipeline(
            prompt=settings.prompt,
            negative_prompt=settings.negative_prompt,
            generator=torch.Generator("cpu").manual_seed(settings.seed),
            num_inference_steps=settings.steps,
            guidance_scale=settings.cfg_scale,
            width=settings.width,
            height=settings.height,
            output_type="pt",
        )
    return torch.as_tensor(made.images)
