"""Tells a run's caller how far it is: steps, previews, and what the model makes of the prompt."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import Future

import torch
from PIL import Image

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.generation import Estimate, Picture
from model_containers.diffusers.generation_settings import GenerationSettings
from model_containers.diffusers.painter import Painter
from model_containers.diffusers.pictures import MEDIA_TYPES, Origin, encode
from model_containers.diffusers.previews import DECODED_PIXELS, MEDIA_TYPE, PreviewMap, decoded, sheet
from model_containers.diffusers.prompt_weights import plain
from model_containers.diffusers.prompt_window import remarks
from model_containers.diffusers.samplers import samplers_for
from model_containers.sdk import Cancelled, DeadlineExceeded, Run

PREVIEW_EVERY_S = 0.3


class Reporter:
    """The watcher of `make_pictures` that reports to a run, and ends it when nobody wants it any more."""

    def __init__(self, run: Run, painter: Painter) -> None:
        self._run = run
        self._painter = painter
        self._first: Future[None] | None = None
        self._told = 0
        self._next_preview = time.monotonic()

    def stepped(self, done: int, total: int) -> None:
        """Report progress. Raises Cancelled, DeadlineExceeded."""
        self._run.check_cancelled()
        if done > self._told:
            self._told = done
            self._run.progress(done, total, "steps")

    def showing(self, estimate: Estimate) -> None:
        """Have a preview painted and sent: the first one soon, and then at most every PREVIEW_EVERY_S seconds."""
        mapping = estimate.model.preview_map
        if mapping is None or time.monotonic() < self._next_preview:
            return
        latents = estimate.latents()
        if latents is None:
            return
        painted = self._painter.offer(lambda: self._paint(estimate, mapping, latents))
        if painted is not None:
            self._first = self._first or painted
            self._next_preview = time.monotonic() + PREVIEW_EVERY_S

    def close(self) -> None:
        """Wait for the first preview, so that a run of few steps has one; later ones that are late are lost."""
        if self._first is not None:
            self._first.result()

    def _paint(self, estimate: Estimate, mapping: PreviewMap, latents: torch.Tensor) -> None:
        with contextlib.suppress(Cancelled, DeadlineExceeded):  # the run itself will hear of it
            self._run.preview(MEDIA_TYPE, sheet(shown(estimate, mapping, latents)))


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
