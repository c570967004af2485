"""Stock diffusers, as one would use it in a script: one picture after the other, each written as a PNG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

SCHEDULERS = {
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "ddim": ("DDIMScheduler", {"clip_sample": False}),
    "dpm++_2m": ("DPMSolverMultistepScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
}
"""The classes of the samplers that the benchmark asks for."""


class StockDiffusers:
    """A checkpoint in diffusers' own pipeline."""

    def __init__(self, folder: Path, threads: int | None) -> None:
        import diffusers
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self._torch = torch
        pipelines: Any = diffusers.AutoPipelineForText2Image
        self._pipeline = pipelines.from_pretrained(folder, local_files_only=True)
        self._pipeline.set_progress_bar_config(disable=True)
        config = self._pipeline.scheduler.config
        self._schedulers = {
            name: getattr(diffusers, kind).from_config(config, **changes)
            for name, (kind, changes) in SCHEDULERS.items()
        }

    def png(self, asked: dict[str, Any]) -> bytes:
        """Make one picture from the input of a run of evoke's container."""
        self._pipeline.scheduler = self._schedulers[asked["sampler_name"]]
        made = self._pipeline(
            prompt=asked["prompt"],
            negative_prompt=asked["negative_prompt"],
            generator=self._torch.Generator("cpu").manual_seed(asked["seed"]),
            num_inference_steps=asked["steps"],
            guidance_scale=asked["cfg_scale"],
            width=asked["width"],
            height=asked["height"],
        )
        buffer = io.BytesIO()
        made.images[0].save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()
