"""A spectrogram as a picture for people."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model_containers.cough.algos.mel_spectrogram import Spectrogram

_COLOURS = {
    "viridis": ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)),
    "magma": ((0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191)),
    "grey": ((0, 0, 0), (255, 255, 255)),
}
"""Colours from soft to loud, between which is interpolated; those of matplotlib's maps of these names."""


@dataclass(frozen=True)
class ColorSpecParams:
    """colours: `viridis`, `magma` or `grey`. scale: pixels for each value, both ways."""

    colours: str = "magma"
    scale: int = 4


def color_spectrogram(spectrogram: Spectrogram, params: ColorSpecParams) -> NDArray[np.uint8]:
    """Return the picture (height, width, 3), low frequencies at the bottom. Raises ValueError for unknown colours."""
    if params.colours not in _COLOURS:
        raise ValueError(f"colours must be one of {', '.join(_COLOURS)}, got {params.colours!r}")
    stops = np.array(_COLOURS[params.colours], np.float64)
    low, high = float(spectrogram.min()), float(spectrogram.max())
    share = (spectrogram - low) / (high - low) if high > low else np.zeros_like(spectrogram)
    place = share * (len(stops) - 1)
    channels = [np.interp(place, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    picture = np.stack(channels, axis=-1).round().astype(np.uint8)[::-1]
    return picture.repeat(params.scale, axis=0).repeat(params.scale, axis=1)


def png(picture: NDArray[np.uint8]) -> bytes:
    """The picture as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "png", compress_level=3)
    return stream.getvalue()
