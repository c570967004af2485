"""Makes the pictures of a run: groups of a few, one step at a time, watched and cancellable at each.

Networks give results that differ in the last bits with the size of their batch, and rounding then changes a pixel
here and there. Where a run has a seat among those that share forward passes, these see to it. Else every picture is
made in a group of `lanes`, however many were asked for, and groups that are not full are filled up. Either way,
picture i of a run is, bit for bit, the picture that its seed gives alone. Each lane has a random generator of its own,
on the CPU, so the starting noise is the same on every device.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from PIL import Image

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.clean_estimate import Watched
from model_containers.diffusers.generation_settings import GenerationSettings
from model_containers.diffusers.given_pictures import Given
from model_containers.diffusers.pixels import rgb_image
from model_containers.diffusers.prompt_reading import read_weights
from model_containers.diffusers.samplers import make_scheduler
from model_containers.diffusers.shared_passes.passes import Compute, here
from model_containers.diffusers.shared_passes.seat import Seat
from model_containers.diffusers.stages import Stage, stages_of


@dataclass(frozen=True)
class Picture:
    """Picture `index` of a run. withheld: the checkpoint's own safety checker blackened it."""

    index: int
    image: Image.Image
    withheld: bool


class Watcher(Protocol):
    """Who looks on while pictures are made. Whatever a method raises ends the run at once."""

    def stepped(self, done: int, total: int) -> None:
        """`done` of `total` steps, over all pictures of the run, are done."""

    def showing(self, estimate: Estimate) -> None:
        """A step of a group is done; its pictures can be looked at, at a small cost."""


@dataclass(frozen=True)
class Estimate:
    """The state of a group's pictures after a step; `lanes` of them are wanted, the rest is filling."""

    watched: Watched
    model: LoadedModel
    width: int
    height: int
    lanes: int

    def latents(self) -> torch.Tensor | None:
        """The finished latents as estimated now: (lanes, channels, rows, columns); None where it is not known."""
        latents = self.watched.estimate()
        if latents is None:
            return None
        if latents.ndim == 3:
            latents = self._unpacked(latents)
        return latents[: self.lanes]

    def _unpacked(self, latents: torch.Tensor) -> torch.Tensor:
        """Flux and its kin denoise a sequence of 2 x 2 patches of latents."""
        unpack = self.model.pipeline._unpack_latents
        return torch.as_tensor(unpack(latents, self.height, self.width, self.model.pixels_per_latent))


def make_pictures(
    model: LoadedModel, settings: GenerationSettings, lanes: int, watcher: Watcher, seat: Seat | None = None
) -> Iterator[Picture]:
    """Make the pictures of a run that begins with noise; see `Making`."""
    return Making(model, settings, watcher, seat).pictures(lanes)


@dataclass(frozen=True)
class _Group:
    """Pictures that are made together: `wanted` ones from `start` on; `together` with those that only fill it."""

    start: int
    wanted: int
    together: int


@dataclass(frozen=True)
class Making:
    """The work of one run.

    seat: its place among those that share forward passes; None: it has the model for itself. given: the pictures that
    it begins with. compute: where a pipeline runs that shares no passes.
    """

    model: LoadedModel
    settings: GenerationSettings
    watcher: Watcher
    seat: Seat | None = None
    given: Given | None = None
    compute: Compute = here

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of each picture."""
        return stages_of(self.settings, self.given, max(8, self.model.pixels_per_latent))

    def pictures(self, lanes: int) -> Iterator[Picture]:
        """Make the pictures in order, `lanes` in a group; each group's come as soon as it is done."""
        for start in range(0, self.settings.images, lanes):
            wanted = min(lanes, self.settings.images - start)
            yield from self._made(_Group(start, wanted, lanes if self.seat is None else wanted))

    def _made(self, group: _Group) -> Iterator[Picture]:
        images: list[Image.Image] = []
        withheld = [False] * group.together
        for number, stage in enumerate(self.stages):
            made = self._carried_out(group, number, stage.arguments(images, group.together))
            images = [_as_image(pixels) for pixels in made.images]
            checked = getattr(made, "nsfw_content_detected", None) or [False] * group.together
            withheld = [left or bool(right) for left, right in zip(withheld, checked, strict=True)]
        for lane in range(group.wanted):
            yield Picture(group.start + lane, images[lane], withheld[lane])

    def _carried_out(self, group: _Group, number: int, arguments: dict[str, Any]) -> Any:
        """What the pipeline of stage `number` makes of its arguments."""
        pipeline = self._pipeline(self.stages[number])
        seeds = [self.settings.seed_of(group.start + lane) for lane in range(group.together)]
        after_step = self._after_step(group, number, Watched(pipeline.scheduler))
        arguments = {**_arguments(self.model, self.settings, seeds), **arguments}
        with torch.inference_mode():
            if self.seat is not None:
                return pipeline(**arguments, callback_on_step_end=after_step)
            return self.compute(lambda: pipeline(**arguments, callback_on_step_end=after_step))

    def _pipeline(self, stage: Stage) -> Any:
        """A pipeline for one stage of a group, so that no state passes from one to the next."""
        pipeline = copy.copy(self.model.redrawing.pipeline(stage.kind))
        pipeline.scheduler = make_scheduler(self.settings.sampler_name, self.model.scheduler_config)
        if self.model.shared is not None:
            read_weights(pipeline, self.settings.prompt, self.settings.negative_prompt)
        if self.seat is not None:
            self.seat.furnish(pipeline)
        return pipeline

    def _after_step(self, group: _Group, number: int, watched: Watched) -> Any:
        stage = self.stages[number]
        before = sum(each.denoising_steps for each in self.stages[:number])
        of_a_picture = sum(each.denoising_steps for each in self.stages)
        total = self.settings.images * of_a_picture
        estimate = Estimate(watched, self.model, stage.width, stage.height, group.wanted)

        def after_step(running: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            # Samplers of second order call this twice a step, others once more than there are steps.
            steps = before + (index + 1) * stage.denoising_steps // running.num_timesteps
            if self.seat is not None and index + 1 == running.num_timesteps:
                self.seat.rise()
            self.watcher.stepped(group.start * of_a_picture + group.wanted * steps, total)
            self.watcher.showing(estimate)
            return tensors

        return after_step


def _as_image(pixels: torch.Tensor) -> Image.Image:
    """Pixels (3, height, width) from 0 to 1 as an RGB image. Raises RuntimeError where they are no numbers."""
    if not bool(torch.isfinite(pixels).all()):
        raise RuntimeError("the picture came out as no numbers: try another sampler, or --dtype float32")
    return rgb_image(pixels)


def _arguments(model: LoadedModel, settings: GenerationSettings, seeds: Sequence[int]) -> dict[str, Any]:
    """What every pipeline is called with. The filling of a group takes the seeds that follow."""
    arguments: dict[str, Any] = {
        "prompt": settings.prompt,
        "num_images_per_prompt": len(seeds),
        "generator": [torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        "guidance_scale": settings.cfg_scale,
        "output_type": "pt",
    }
    if "negative_prompt" in model.arguments:
        arguments["negative_prompt"] = settings.negative_prompt
    return arguments
