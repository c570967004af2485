"""Makes the pictures of a run: groups of a fixed size, one step at a time, watched and cancellable at each.

Networks give results that differ in the last bits with the size of their batch, and rounding then changes a pixel
here and there. So every picture is made in a group of `lanes`, however many were asked for, and groups that
are not full are filled up: picture i of a run is, bit for bit, the picture that its seed gives alone. Each lane
has a random generator of its own, on the CPU, so the starting noise is the same on every device.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from PIL import Image

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.clean_estimate import Watched
from model_containers.diffusers.generation_settings import GenerationSettings
from model_containers.diffusers.pixels import rgb_image
from model_containers.diffusers.samplers import make_scheduler


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
    model: LoadedModel, settings: GenerationSettings, lanes: int, watcher: Watcher
) -> Iterator[Picture]:
    """Make the pictures of a run in order; each group's come as soon as it is done. lanes: pictures in a group."""
    for start in range(0, settings.images, lanes):
        yield from _make_group(model, settings, start, lanes, watcher)


def _make_group(
    model: LoadedModel, settings: GenerationSettings, start: int, lanes: int, watcher: Watcher
) -> Iterator[Picture]:
    wanted = min(lanes, settings.images - start)
    pipeline = copy.copy(model.pipeline)
    pipeline.scheduler = make_scheduler(settings.sampler_name, model.scheduler_config)
    estimate = Estimate(Watched(pipeline.scheduler), model, settings.width, settings.height, wanted)

    def after_step(running: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        # Samplers of second order call this twice a step, others once more than there are steps.
        steps = (index + 1) * settings.steps // running.num_timesteps
        watcher.stepped(start * settings.steps + wanted * steps, settings.images * settings.steps)
        watcher.showing(estimate)
        return tensors

    with torch.inference_mode():
        made = pipeline(**_arguments(model, settings, start, lanes), callback_on_step_end=after_step)
    withheld = getattr(made, "nsfw_content_detected", None) or [False] * lanes
    for lane in range(wanted):
        yield Picture(start + lane, _as_image(made.images[lane]), bool(withheld[lane]))


def _as_image(pixels: torch.Tensor) -> Image.Image:
    """Pixels (3, height, width) from 0 to 1 as an RGB image. Raises RuntimeError where they are no numbers."""
    if not bool(torch.isfinite(pixels).all()):
        raise RuntimeError("the picture came out as no numbers: try another sampler, or --dtype float32")
    return rgb_image(pixels)


def _arguments(model: LoadedModel, settings: GenerationSettings, start: int, lanes: int) -> dict[str, Any]:
    """What the pipeline is called with. The filling of a group takes the seeds that follow."""
    seeds = [settings.seed_of(start + lane) for lane in range(lanes)]
    arguments: dict[str, Any] = {
        "prompt": settings.prompt,
        "num_images_per_prompt": lanes,
        "generator": [torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        "num_inference_steps": settings.steps,
        "guidance_scale": settings.cfg_scale,
        "width": settings.width,
        "height": settings.height,
        "output_type": "pt",
    }
    if "negative_prompt" in model.arguments:
        arguments["negative_prompt"] = settings.negative_prompt
    return arguments
