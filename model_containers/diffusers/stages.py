"""The stages of a picture: each is one call of a pipeline, and begins with what the one before has made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from model_containers.diffusers.generation_settings import GenerationSettings, denoising_steps, hires_size
from model_containers.diffusers.given_pictures import Given


@dataclass(frozen=True)
class Stage:
    """One call of a pipeline, over all pictures of a group.

    kind: `text`, `image` or `inpaint`. steps: of the sampler's schedule, of which a stage that begins with a picture
    makes the last `strength`. given: what it begins with; None: with noise, or with the pictures of the stage before.
    """

    kind: str
    width: int
    height: int
    steps: int
    strength: float = 1.0
    given: Given | None = None

    @property
    def denoising_steps(self) -> int:
        """How many steps it makes."""
        return denoising_steps(self.steps, self.strength)

    def arguments(self, images: Sequence[Image.Image], count: int) -> dict[str, Any]:
        """What the pipeline is called with for `count` pictures. images: those of the stage before.

        Each picture has its own copy of what is given: with one for all, a pipeline would encode it by the random
        numbers of the first picture alone, and a picture would depend on its neighbours.
        """
        arguments: dict[str, Any] = {"num_inference_steps": self.steps}
        size = {"width": self.width, "height": self.height}
        if self.kind == "text":
            return {**arguments, **size}
        arguments["strength"] = self.strength
        if self.given is None:
            resized = [image.resize((self.width, self.height), Image.Resampling.LANCZOS) for image in images]
            return {**arguments, "image": resized}
        arguments["image"] = [self.given.init] * count
        if self.given.mask is None:
            return arguments
        return {**arguments, **size, "mask_image": [self.given.mask] * count}


def stages_of(settings: GenerationSettings, given: Given | None, side_step: int = 8) -> tuple[Stage, ...]:
    """The stages of each picture of a run. side_step: what a side must be a multiple of."""
    width, height, steps = settings.width, settings.height, settings.steps
    if given is None:
        first = Stage("text", width, height, steps)
    else:
        kind = "image" if given.mask is None else "inpaint"
        first = Stage(kind, width, height, steps, settings.strength, given)
    if settings.hires_scale == 1.0:
        return (first,)
    large = hires_size(settings, side_step)
    return (first, Stage("image", *large, settings.hires_steps or steps, settings.hires_strength))
