"""Previews: a picture of the work so far, by a linear map from latents to colours.

A VAE's latents are, to a good approximation, linear in the colours of the pixels that they stand for. The map takes
each latent with its eight neighbours to a small patch of colours. It is fitted to the loaded VAE when that is
set up, so it suits any checkpoint. During a run it is applied to the sampler's present estimate of the finished
latents rather than to the noisy ones. Small pictures are decoded by the VAE instead, which costs little.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle, unfold

from model_containers.diffusers.pixels import rgb_image

MEDIA_TYPE = "image/jpeg"
MAX_SIDE = 256
MAX_SHEET = 768
DECODED_PIXELS = 128 * 128
"""Pictures up to this many pixels are decoded for a preview: some ten milliseconds, at most three times a second."""
DETAIL = 4
"""Pixels of a preview per latent, along a side."""

_FIT_LATENTS = 16
_FIT_PICTURES = 16
_SHAPES = 6
_RIDGE = 1e-3


@dataclass(frozen=True)
class PreviewMap:
    """weights: (channels x 9 + 1, 3 x DETAIL x DETAIL), float32 on the CPU, the offset last. Colours are 0 to 1."""

    weights: torch.Tensor

    def colours(self, latents: torch.Tensor) -> torch.Tensor:
        """Map latents (n, channels, rows, columns) to colours (n, 3, DETAIL x rows, DETAIL x columns)."""
        rows, columns = latents.shape[-2:]
        found = (_neighbourhoods(latents) @ self.weights).transpose(1, 2)
        return pixel_shuffle(found.reshape(len(latents), -1, rows, columns), DETAIL)

    def picture(self, latents: torch.Tensor, width: int, height: int) -> Image.Image:
        """Show latents (channels, rows, columns) as RGB of about width x height pixels, no side over MAX_SIDE."""
        small = rgb_image(self.colours(latents.detach().to("cpu", torch.float32)[None])[0])
        shrink = min(1.0, MAX_SIDE / max(width, height))
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        return small.resize(size, Image.Resampling.BICUBIC)


def decoded(vae: Any, latents: torch.Tensor) -> list[Image.Image]:
    """Show latents (n, channels, rows, columns) by the VAE itself: exact, and cheap where pictures are small."""
    unscaled = latents / vae.config.scaling_factor + _shift(vae)
    with torch.inference_mode():
        pixels = vae.decode(unscaled.to(vae.device, vae.dtype)).sample
    return [rgb_image(picture / 2 + 0.5) for picture in pixels]


def fit_preview_map(vae: Any, scale: int) -> PreviewMap:
    """Fit the map by ridge regression to pictures of coloured shapes that the VAE itself encodes.

    vae: a diffusers autoencoder with `encode`; scale: pixels per latent along a side. Takes no randomness from
    the global generator. Raises RuntimeError where the VAE cannot encode.
    """
    pixels = _pictures(_FIT_LATENTS * scale)
    with torch.inference_mode():
        latents = _encode(vae, pixels.to(vae.device, vae.dtype) * 2 - 1).to("cpu", torch.float32)
    known = _neighbourhoods((latents - _shift(vae)) * vae.config.scaling_factor).flatten(0, 1)
    fine = interpolate(pixels, size=latents.shape[-1] * DETAIL, mode="area")
    wanted = pixel_unshuffle(fine, DETAIL).flatten(2).transpose(1, 2).flatten(0, 1)
    damping = _RIDGE * len(known) * torch.eye(known.shape[1])
    return PreviewMap(torch.linalg.solve(known.T @ known + damping, known.T @ wanted))


def _neighbourhoods(latents: torch.Tensor) -> torch.Tensor:
    """Each latent with its eight neighbours, and a one for the offset: (n, rows x columns, channels x 9 + 1)."""
    padded = pad(latents, (1, 1, 1, 1), mode="replicate")
    around = unfold(padded, 3).transpose(1, 2)
    return torch.cat([around, torch.ones_like(around[..., :1])], dim=2)


def _pictures(side: int) -> torch.Tensor:
    """Pictures of discs and bars of random colours, sizes and places on random grounds: (n, 3, side, side), 0 to 1."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    places = (torch.arange(side) + 0.5) / side
    pictures = draw(_FIT_PICTURES, 3, 1, 1).repeat(1, 1, side, side)
    for number in range(_SHAPES):
        x, y = draw(2, _FIT_PICTURES, 1, 1)
        across, down = (places[None, None, :] - x).abs(), (places[None, :, None] - y).abs()
        radius, ratio = 0.05 + 0.25 * draw(_FIT_PICTURES, 1, 1), 0.5 + draw(_FIT_PICTURES, 1, 1)
        disc = across**2 + down**2 < radius**2
        bar = (across < radius) & (down < radius * ratio)
        inside = disc if number % 2 else bar
        pictures = torch.where(inside[:, None], draw(_FIT_PICTURES, 3, 1, 1), pictures)
    return pictures


def _shift(vae: Any) -> float:
    return getattr(vae.config, "shift_factor", None) or 0.0


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
