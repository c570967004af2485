"""A VAE that many runs share: it encodes and decodes a picture, or a few small ones, at a time."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import torch

from model_containers.diffusers.checkpoint_facts import latent_scale
from model_containers.diffusers.memory import is_out_of_memory, release
from model_containers.diffusers.shared_passes.passes import Compute, here


class SharedVae:
    """A diffusers autoencoder in a pipeline's place for it.

    One picture at a time, unless it is told otherwise: its bits do not depend on how many others a run makes, and
    decoding, which takes the most memory of all, never takes it several times.
    """

    def __init__(
        self, vae: Any, tile_pixels: int | None = None, together: int = 0, compute: Compute = here
    ) -> None:
        """tile_pixels: larger pictures go through in tiles, whose seams are blended; None: none do.

        together: pixels of a run's pictures that are decoded at once; of larger pictures one. compute: where it runs.
        """
        self._vae = vae
        self._together = together
        self._compute = compute
        self._tile_pixels = tile_pixels
        self._scale = latent_scale(vae.config)
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vae, name)

    def by(self, compute: Compute) -> SharedVae:
        """The same, run elsewhere."""
        shared = SharedVae(self._vae, self._tile_pixels, self._together, compute)
        shared._lock = self._lock
        return shared

    def decode(self, latents: torch.Tensor, **options: Any) -> tuple[torch.Tensor]:
        """As the autoencoder's own with `return_dict=False`; latents: (n, channels, rows, columns)."""
        options = {**options, "return_dict": False}
        given = latents.to(self._vae.dtype).contiguous()
        try:
            return (self._by_pieces(given, max(1, self._together // self._pixels(given)), options),)
        except Exception as error:
            if not is_out_of_memory(error) or len(given) == 1:
                raise
        release()
        return (self._by_pieces(given, 1, options),)

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

    def _by_pieces(self, latents: torch.Tensor, size: int, options: dict[str, Any]) -> torch.Tensor:
        pieces = torch.split(latents, size)
        return torch.cat([self._compute(partial(self._decoded, piece, options)) for piece in pieces])

    def _pixels(self, latents: torch.Tensor) -> int:
        """Of one picture."""
        return int(latents.shape[-2] * latents.shape[-1]) * self._scale**2

    def _decoded(self, latents: torch.Tensor, options: dict[str, Any]) -> torch.Tensor:
        with self._lock:
            self._tile(self._pixels(latents))
            return torch.as_tensor(self._vae.decode(latents, **options)[0])

    def _tile(self, pixels: int) -> None:
        """Whether a picture goes through in tiles depends on its size alone, so its seed decides it bit for bit."""
        if self._tile_pixels is not None:
            self._vae.use_tiling = pixels > self._tile_pixels
