"""A VAE that many runs share: it encodes and decodes one picture at a time, whatever the size of a run's group."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import torch

from model_containers.diffusers.shared_passes.passes import Compute, here


class SharedVae:
    """A diffusers autoencoder in a pipeline's place for it.

    One picture at a time: its bits do not depend on how many others a run makes, and decoding, which takes the most
    memory of all, never takes it several times.
    """

    def __init__(self, vae: Any, tile_pixels: int | None = None, compute: Compute = here) -> None:
        """tile_pixels: larger pictures go through in tiles, whose seams are blended; None: none do.

        compute: where it runs.
        """
        self._vae = vae
        self._compute = compute
        self._tile_pixels = tile_pixels
        self._scale = 2 ** (len(vae.config.block_out_channels) - 1) if tile_pixels is not None else 1
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vae, name)

    def by(self, compute: Compute) -> SharedVae:
        """The same, run elsewhere."""
        shared = SharedVae(self._vae, self._tile_pixels, compute)
        shared._lock = self._lock
        return shared

    def decode(self, latents: torch.Tensor, **options: Any) -> tuple[torch.Tensor]:
        """As the autoencoder's own with `return_dict=False`; latents: (n, channels, rows, columns)."""
        options = {**options, "return_dict": False}
        given = latents.to(self._vae.dtype).contiguous()
        pieces = torch.split(given, 1)
        return (torch.cat([self._compute(partial(self._decoded, piece, options)) for piece in pieces]),)

    def encode(self, pixels: torch.Tensor, **options: Any) -> Any:
        """As the autoencoder's own; pixels: (1, 3, height, width), as diffusers' pipelines ask for one at a time."""
        return self._compute(lambda: self._encoded(pixels, options))

    def to(self, *_place: Any, **_more: Any) -> SharedVae:
        """Stays where and as it is: SDXL's pipelines would change its type under the hands of other runs."""
        return self

    def _encoded(self, pixels: torch.Tensor, options: dict[str, Any]) -> Any:
        with self._lock:
            self._tile(pixels.shape[-2] * pixels.shape[-1])
            return self._vae.encode(pixels.to(self._vae.dtype), **options)

    def _decoded(self, latents: torch.Tensor, options: dict[str, Any]) -> torch.Tensor:
        with self._lock:
            self._tile(latents.shape[-2] * latents.shape[-1] * self._scale**2)
            return torch.as_tensor(self._vae.decode(latents, **options)[0])

    def _tile(self, pixels: int) -> None:
        """Whether a picture goes through in tiles depends on its size alone, so its seed decides it bit for bit."""
        if self._tile_pixels is not None:
            self._vae.use_tiling = pixels > self._tile_pixels
