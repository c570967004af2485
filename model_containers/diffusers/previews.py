"""Previews: a picture of the work so far, by a linear map from latents to colours.

A VAE's latents are, to a good approximation, linear in the mean colour of the patch of pixels that each stands
for; the map is fitted to the loaded VAE when it is set up, so it fits any checkpoint. During a run it is applied
to the sampler's present estimate of the finished latents rather than to the noisy ones.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

MEDIA_TYPE = "image/jpeg"
MAX_SIDE = 256
MAX_SHEET = 768
_FIT_PATCHES = 16
_FIT_PICTURES = 12


@dataclass(frozen=True)
class PreviewMap:
    """colours = latents x weights + offset, 0 to 1. weights: (channels, 3), offset: (3,); float32 on the CPU."""

    weights: torch.Tensor
    offset: torch.Tensor

    def picture(self, latents: torch.Tensor, width: int, height: int) -> Image.Image:
        """Show latents (channels, rows, columns) as RGB of about width x height pixels, no side over MAX_SIDE."""
        values = latents.detach().to("cpu", torch.float32).permute(1, 2, 0)
        colours = (values @ self.weights + self.offset).nan_to_num(0.0).clamp(0.0, 1.0)
        small = Image.fromarray((colours * 255).round().to(torch.uint8).numpy(), "RGB")
        shrink = min(1.0, MAX_SIDE / max(width, height))
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        return small.resize(size, Image.Resampling.BICUBIC)


def fit_preview_map(vae: Any, scale: int) -> PreviewMap:
    """Fit the map by least squares to pictures of soft colour patches that the VAE itself encodes.

    vae: a diffusers autoencoder with `encode`; scale: pixels per latent along a side. Takes no randomness from
    the global generator. Raises RuntimeError where the VAE cannot encode.
    """
    colours = _patches()
    pixels = torch.nn.functional.interpolate(colours, scale_factor=scale, mode="bilinear")
    with torch.inference_mode():
        latents = _encode(vae, pixels.to(vae.device, vae.dtype) * 2 - 1).to("cpu", torch.float32)
    shift = getattr(vae.config, "shift_factor", None) or 0.0
    latents = (latents - shift) * vae.config.scaling_factor
    targets = torch.nn.functional.avg_pool2d(pixels, scale)
    known = latents.permute(0, 2, 3, 1).flatten(0, 2)
    known = torch.cat([known, torch.ones(len(known), 1)], dim=1)
    solution = torch.linalg.lstsq(known, targets.permute(0, 2, 3, 1).flatten(0, 2), driver="gelsd").solution
    return PreviewMap(weights=solution[:-1].contiguous(), offset=solution[-1])


def _patches() -> torch.Tensor:
    """Pictures of random colours, half of them in patches of 4 so that flat areas are there too: (n, 3, 16, 16)."""
    generator = torch.Generator().manual_seed(0)
    fine = torch.rand(_FIT_PICTURES // 2, 3, _FIT_PATCHES, _FIT_PATCHES, generator=generator)
    coarse = torch.rand(_FIT_PICTURES // 2, 3, _FIT_PATCHES // 4, _FIT_PATCHES // 4, generator=generator)
    return torch.cat([fine, coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)])


def _encode(vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    encoded = vae.encode(pixels)
    if hasattr(encoded, "latent_dist"):
        return torch.as_tensor(encoded.latent_dist.mode())
    return torch.as_tensor(encoded.latents)


def sheet(pictures: list[Image.Image]) -> bytes:
    """Lay the previews of a group side by side, at most MAX_SHEET pixels wide, and write them as a JPEG."""
    width, height = pictures[0].size
    whole = Image.new("RGB", (width * len(pictures), height))
    for place, picture in enumerate(pictures):
        whole.paste(picture, (place * width, 0))
    whole.thumbnail((MAX_SHEET, MAX_SHEET))
    buffer = io.BytesIO()
    whole.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
