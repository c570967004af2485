"""The input that suits a checkpoint: its schema's defaults and bounds, derived from its configs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from model_containers.diffusers.checkpoint_files import CheckpointFiles
from model_containers.diffusers.input_schema import MAX_PER_FIELD, MIN_SIDE, Bounds, Defaults, input_schema
from model_containers.diffusers.samplers import is_flow, own_sampler, samplers_for
from model_containers.sdk.errors import CheckpointError

LARGEST_SIDE = 2048
SIDES_OVER_NATIVE = 4
SHARING_PIPELINES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
FEW_STEP_SAMPLERS = ("lcm", "tcd")
PIPELINES_STEP = 8
"""Pixels: diffusers' pipelines refuse other sides, also where a latent stands for fewer."""


@dataclass(frozen=True)
class Facts:
    """What a checkpoint accepts: its schema's parts and the config of its own scheduler.

    shares_passes: its runs can share forward passes (see `shared_passes`). Those can begin with a picture, too.
    """

    defaults: Defaults
    bounds: Bounds
    scheduler: Mapping[str, Any]
    shares_passes: bool

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of a run's input."""
        samplers = samplers_for(self.scheduler)
        return input_schema(self.defaults, self.bounds, samplers, redraws=self.shares_passes)


UNKNOWN = Facts(Defaults(), Bounds(), {}, shares_passes=True)
"""What is said of a checkpoint whose configs can't be read: its runs end in a checkpoint error all the same.

It shares passes, so that it does not stand in the way of the container's sound models.
"""


def facts_of(files: CheckpointFiles, bounds: Bounds) -> Facts:
    """Derive the facts from the configs. bounds: what the container allows at most. Raises CheckpointError."""
    scheduler = files.part("scheduler")
    denoiser = files.part("unet") or files.part("transformer")
    scale = latent_scale(files.part("vae"))
    native = _native_side(denoiser) * scale
    side = min(bounds.max_side, max(native, min(LARGEST_SIDE, SIDES_OVER_NATIVE * native)))
    patch = int(denoiser.get("patch_size") or 1) * (2 if _is_flux(denoiser) else 1)
    step = math.lcm(scale * patch, PIPELINES_STEP)
    own = replace(
        bounds,
        max_side=side - side % step,
        side_step=step,
        max_pixels=min(bounds.max_pixels, side * side),
        max_images=min(bounds.max_images, MAX_PER_FIELD**2),
    )
    defaults = _defaults(own_sampler(scheduler), is_flow(scheduler), native)
    return Facts(_overridden(defaults, files.defaults(), files), own, scheduler, shares_passes(files))


def shares_passes(files: CheckpointFiles) -> bool:
    """Whether rows of several runs can go through the denoiser together. Raises CheckpointError.

    So it is with the UNets of Stable Diffusion 1, 2 and XL. Not with those that take the guidance as an input or a
    class beside the prompt, and not with transformers, whose pipelines keep what differs between runs in themselves.
    """
    unet = files.part("unet")
    return (
        files.index().get("_class_name") in SHARING_PIPELINES
        and unet.get("addition_embed_type") in (None, "text", "text_time")
        and not any(
            unet.get(name) for name in ("time_cond_proj_dim", "class_embed_type", "encoder_hid_dim_type")
        )
    )


def latent_scale(vae: Mapping[str, Any]) -> int:
    """How many pixels one latent stands for along a side: a VAE halves once between each two of its levels."""
    levels = vae.get("block_out_channels") or vae.get("encoder_block_out_channels") or (0,) * 4
    return int(2 ** (len(levels) - 1))


def _is_flux(denoiser: Mapping[str, Any]) -> bool:
    return "Flux" in str(denoiser.get("_class_name"))


def _native_side(denoiser: Mapping[str, Any]) -> int:
    # Flux's configs name no size; its pipeline makes pictures of 128 latents a side where none is asked for.
    size = denoiser.get("sample_size") or (128 if _is_flux(denoiser) else 64)
    return max(1, int(size[0] if isinstance(size, list) else size))


def _defaults(sampler: str, flow: bool, native: int) -> Defaults:
    side = max(MIN_SIDE, native)
    if sampler in FEW_STEP_SAMPLERS:
        return Defaults(sampler, 4, 1.5, side, side)
    return Defaults(sampler, 25, 3.5 if flow else 7.0, side, side)


def _overridden(defaults: Defaults, wishes: Mapping[str, Any], files: CheckpointFiles) -> Defaults:
    names = {field.name for field in fields(Defaults)}
    for name in wishes:
        if name not in names:
            known = ", ".join(sorted(names))
            raise CheckpointError(f"{files.config}/generation_defaults.json: {name!r} is none of {known}")
    return replace(defaults, **wishes)
