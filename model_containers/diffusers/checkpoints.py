"""Loads checkpoints as diffusers pipelines: a folder in diffusers' layout, or a single `.safetensors` file.

Imports torch, diffusers and transformers, which takes seconds; so this module is imported by `setup`, not before.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass, replace
from typing import Any

import torch

from model_containers.checkpoints.device import Device
from model_containers.diffusers.checkpoint_facts import latent_scale, shares_passes
from model_containers.diffusers.checkpoint_files import CheckpointFiles
from model_containers.diffusers.loras import Loras
from model_containers.diffusers.memory import free_bytes, is_out_of_memory
from model_containers.diffusers.placement import Placement
from model_containers.diffusers.previews import PreviewMap, fit_preview_map
from model_containers.diffusers.redrawing import Redrawing
from model_containers.diffusers.shapes64.libraries import diffusers, transformers
from model_containers.diffusers.shared_passes.decoder import SharedVae
from model_containers.diffusers.shared_passes.denoiser import SharedUNet
from model_containers.diffusers.shared_passes.seat import SharedParts
from model_containers.sdk.errors import CheckpointError, OutOfMemory

_log = logging.getLogger(__name__)

# Loading one of these by name is seconds faster than by AutoPipelineForText2Image, which imports every pipeline
# that diffusers has before it picks the same class.
KNOWN_PIPELINES = (
    "StableDiffusionPipeline",
    "StableDiffusionXLPipeline",
    "StableDiffusion3Pipeline",
    "FluxPipeline",
    "PixArtSigmaPipeline",
)
DECODED_TOGETHER = 1 << 20
"""Pixels that a VAE on a GPU decodes at once: four pictures of 512 x 512, which one by one would leave it half idle."""
NEEDED_ARGUMENTS = ("callback_on_step_end", "generator", "num_inference_steps", "guidance_scale", "width")


@dataclass(frozen=True)
class LoadedModel:
    """A pipeline on its device.

    preview_map: None where the VAE cannot encode pictures. pixels_per_latent: along a side. arguments: the names of
    what the pipeline can be called with. shared: the parts that runs use at the same time; None where the
    architecture can't be shared. redrawing: its pipelines that begin with a picture. loras: None
    where it takes none.
    """

    pipeline: Any
    scheduler_config: dict[str, Any]
    preview_map: PreviewMap | None
    pixels_per_latent: int
    arguments: frozenset[str]
    shared: SharedParts | None
    on_gpu: bool
    redrawing: Redrawing
    loras: Loras | None


def load(files: CheckpointFiles, device: Device, placement: Placement | None = None) -> LoadedModel:
    """Load a checkpoint whose files were checked. placement: what is loaded beside its networks, and how they run.

    Raises CheckpointError with path and reason, OutOfMemory.
    """
    placement = placement or Placement()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    try:
        pipeline = _read(files, device.dtype, placement.safety_checker)
        pipeline.to(device.name)
    except (
        Exception
    ) as error:  # diffusers, transformers and safetensors raise a dozen classes for broken files
        if is_out_of_memory(error):
            raise OutOfMemory(f"{files.weights}: not enough memory to load it: {error}") from error
        raise CheckpointError(f"{files.weights}: {_reason(error)}") from error
    arguments = frozenset(inspect.signature(pipeline.__call__).parameters)
    if missing := [name for name in NEEDED_ARGUMENTS if name not in arguments]:
        kind = type(pipeline).__name__
        raise CheckpointError(
            f"{files.config}/model_index.json: {kind} takes no {missing[0]}, so evoke cannot run it"
        )
    if placement.compiled:
        _compile(pipeline)
    model = _prepare(pipeline, files, device, arguments)
    if model.shared is None:
        return model
    together = DECODED_TOGETHER if device.is_cuda else 0
    parts = replace(model.shared, vae=SharedVae(pipeline.vae, placement.tile_pixels, together))
    return replace(model, shared=parts, loras=Loras(placement.loras, pipeline, parts))


def _read(files: CheckpointFiles, dtype: torch.dtype, safety_checker: bool) -> Any:
    name = files.index()["_class_name"]
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": True}
    if not safety_checker and "safety_checker" in files.index():
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if files.single_file:
        return getattr(diffusers, name).from_single_file(
            str(files.weights), config=str(files.config), **options
        )
    loader = getattr(diffusers, name) if name in KNOWN_PIPELINES else diffusers.AutoPipelineForText2Image
    return loader.from_pretrained(str(files.weights), use_safetensors=True, **options)


def _prepare(pipeline: Any, files: CheckpointFiles, device: Device, arguments: frozenset[str]) -> LoadedModel:
    pipeline.set_progress_bar_config(disable=True)
    vae = getattr(pipeline, "vae", None)
    denoiser = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    for network in filter(None, (vae, denoiser)):
        network.to(memory_format=torch.channels_last)  # convolutions take a quarter less time, on CPUs too
    scale = latent_scale(files.part("vae"))
    return LoadedModel(
        pipeline=pipeline,
        scheduler_config=dict(pipeline.scheduler.config),
        preview_map=_fitted(vae, scale, files),
        pixels_per_latent=scale,
        arguments=arguments,
        shared=_shared(pipeline, device) if shares_passes(files) else None,
        on_gpu=device.is_cuda,
        redrawing=Redrawing(pipeline),
        loras=None,
    )


def _compile(pipeline: Any) -> None:
    """Regional compilation: the blocks that repeat are compiled once for all of them, and for any number of rows."""
    denoiser: Any = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    if getattr(denoiser, "_repeated_blocks", None):
        denoiser.compile_repeated_blocks(dynamic=True)


def _shared(pipeline: Any, device: Device) -> SharedParts:
    if pipeline.vae.dtype == torch.float16 and pipeline.vae.config.force_upcast:
        # SDXL's pipeline would change the VAE's type to and fro at each picture, under the hands of other runs.
        pipeline.vae.to(torch.float32)
    unet = SharedUNet(pipeline.unet, lambda: free_bytes(device.name))
    return SharedParts(unet, SharedVae(pipeline.vae))


def _fitted(vae: Any, scale: int, files: CheckpointFiles) -> PreviewMap | None:
    try:
        return fit_preview_map(vae, scale)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError) as error:
        _log.warning("no previews: %s", error, extra={"checkpoint": str(files.weights)})
        return None


def _reason(error: Exception) -> str:
    """The first line that says something: diffusers appends advice about the Hub, which is not reached from here."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:600]}"
