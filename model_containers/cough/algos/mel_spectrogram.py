"""The mel spectrogram of a stretch of sound: what the classifier looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from model_containers.cough.algos.decoding import Samples

Spectrogram = NDArray[np.float32]
"""(mels, frames), in dB below the loudest value."""


@dataclass(frozen=True)
class MelSpecParams:
    """window_s, hop_s: of the short-time Fourier transform. mels: bands from min_hz to max_hz, equally wide in mel.

    frames: width of the result; shorter sounds are padded with silence, longer ones cut. range_db: what is softer
    than the loudest value by more is as good as silent.
    """

    window_s: float = 0.025
    hop_s: float = 0.01
    mels: int = 48
    min_hz: float = 50.0
    max_hz: float = 7600.0
    frames: int = 64
    range_db: float = 60.0


def mel_spectrogram(samples: Samples, sample_rate: int, params: MelSpecParams) -> Spectrogram:
    """Return the logarithmic mel spectrogram of the sound, from -range_db to 0 dB; it begins at the left edge."""
    window, hop = round(params.window_s * sample_rate), round(params.hop_s * sample_rate)
    length = window + hop * (params.frames - 1)
    padded = np.zeros(length, np.float32)
    padded[: min(length, len(samples))] = samples[:length]
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window).astype(
        np.float32
    )
    power = np.abs(np.fft.rfft(frames, _fft_size(window))) ** 2
    bands = mel_filters(sample_rate, _fft_size(window), params.mels, params.min_hz, params.max_hz) @ power.T
    decibel = 10 * np.log10(bands + 1e-10)
    found: Spectrogram = np.maximum(decibel - decibel.max(), -params.range_db).astype(np.float32)
    return found


@lru_cache(maxsize=8)
def mel_filters(
    sample_rate: int, fft_size: int, mels: int, min_hz: float, max_hz: float
) -> NDArray[np.float64]:
    """Triangular filters (mels, fft_size / 2 + 1) by O'Shaughnessy's formula, mel = 2595 log10(1 + f / 700)."""
    edges = _hertz(np.linspace(_mel(min_hz), _mel(max_hz), mels + 2))
    frequencies = np.fft.rfftfreq(fft_size, 1 / sample_rate)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    filters: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return filters


def _fft_size(window: int) -> int:
    return 1 << (window - 1).bit_length()


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))
