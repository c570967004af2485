"""Tells a run's caller how far it is: steps, previews, and what the model makes of the prompt."""

from __future__ import annotations

import contextlib
import time

import torch
from PIL import Image

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.generation import Estimate, Picture
from model_containers.diffusers.generation_settings import GenerationSettings
from model_containers.diffusers.pictures import MEDIA_TYPES, Origin, encode
from model_containers.diffusers.previews import DECODED_PIXELS, MEDIA_TYPE, PreviewMap, decoded, sheet
from model_containers.diffusers.prompt_weights import plain
from model_containers.diffusers.prompt_window import remarks
from model_containers.diffusers.samplers import samplers_for
from model_containers.sdk import Run

PREVIEW_EVERY_S = 0.3


class Reporter:
    """The watcher of `make_pictures` that reports to a run, and ends it when nobody wants it any more."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._told = 0
        self._next_preview = time.monotonic()

    def stepped(self, done: int, total: int) -> None:
        """Report progress. Raises Cancelled, DeadlineExceeded."""
        self._run.check_cancelled()
        if done > self._told:
            self._told = done
            self._run.progress(done, total, "steps")

    def showing(self, estimate: Estimate) -> None:
        """Send a preview, the first one at once and then at most every PREVIEW_EVERY_S seconds."""
        if estimate.model.preview_map is None or time.monotonic() < self._next_preview:
            return
        latents = estimate.latents()
        if latents is not None:
            self._run.preview(MEDIA_TYPE, sheet(shown(estimate, estimate.model.preview_map, latents)))
        self._next_preview = time.monotonic() + PREVIEW_EVERY_S


def shown(estimate: Estimate, mapping: PreviewMap, latents: torch.Tensor) -> list[Image.Image]:
    """Previews of latents: decoded where pictures are small, else by the linear map."""
    if estimate.width * estimate.height <= DECODED_PIXELS:
        return decoded(estimate.model.pipeline.vae, latents)
    return [mapping.picture(latent, estimate.width, estimate.height) for latent in latents]


def remark(model: LoadedModel, settings: GenerationSettings, run: Run) -> None:
    """Say what the model will not make use of: parts of the prompt, and a negative prompt that has no effect."""
    for text, field in ((settings.prompt, "prompt"), (settings.negative_prompt, "negative prompt")):
        with model.shared.reading if model.shared else contextlib.nullcontext():
            lines = list(remarks(model.pipeline, plain(text) if model.shared else text, field))
        for line in lines:
            run.log(line)
    if settings.negative_prompt and "negative_prompt" not in model.arguments:
        run.log("This model takes no negative prompt.")
    elif settings.negative_prompt and settings.cfg_scale <= 1:
        run.log("Without guidance (cfg_scale 1 or less) the negative prompt has no effect.")


def write(
    picture: Picture, model_id: str, model: LoadedModel, settings: GenerationSettings, run: Run
) -> None:
    """Write a picture as an output named by its index, with the settings that make it again inside."""
    sampler = samplers_for(model.scheduler_config)[settings.sampler_name]
    origin = Origin(settings.of_picture(picture.index), model_id, sampler.title)
    data = encode(picture.image, settings.format, origin)
    width, height = picture.image.size
    details = {"width": width, "height": height, "seed": settings.seed_of(picture.index)}
    if picture.withheld:
        details["withheld"] = True
        run.log(f"The model's safety checker withheld picture {picture.index}.")
    run.write_output(f"{picture.index}.{settings.format}", MEDIA_TYPES[settings.format], data, details)
