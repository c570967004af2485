"""What can be measured of a sound, knowing nothing of how it was made. Samples: one channel at 16 kHz."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

RATE_HZ = 16000
SIZE, HOP = 1024, 160
FRAME_HZ = RATE_HZ / HOP
_SOUNDING = 0.25
"""Share of the loudness from which a frame counts as sounding."""

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """A sound and its spectrogram."""

    samples: NDArray[np.float32]

    @cached_property
    def spectrogram(self) -> Series:
        """Magnitudes (frames, bins) of windows of 64 ms, each 10 ms."""
        padded = np.pad(self.samples.astype(np.float64), SIZE // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP][: len(self.loudness)]
        return np.asarray(np.abs(np.fft.rfft(frames * np.hanning(SIZE), axis=1)))

    @cached_property
    def loudness(self) -> Series:
        """Root mean square around each frame, over some 15 ms: (frames,)."""
        power = gaussian_filter1d(self.samples.astype(np.float64) ** 2, 0.006 * RATE_HZ)
        return np.asarray(np.sqrt(power[::HOP]))

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear."""
        return float(np.abs(self.samples).max(initial=0)) < 0.01

    @cached_property
    def sounding(self) -> NDArray[np.bool_]:
        """Frames that are not much quieter than the loud ones."""
        return np.asarray(self.loudness > _SOUNDING * np.percentile(self.loudness, 95))

    @cached_property
    def steadiness(self) -> float:
        """The quiet tenth's loudness over the loud tenth's: 1 where nothing changes, 0 where there are gaps."""
        low, high = np.percentile(gaussian_filter1d(self.loudness, 2.0), [10, 90])
        return float(low / (high + 1e-9))

    @cached_property
    def track_hz(self) -> Series:
        """The strongest frequency of each frame: (frames,), between bins by a parabola."""
        power = np.log(self.spectrogram + 1e-9)
        peak = np.clip(power[:, 3:].argmax(1) + 3, 1, power.shape[1] - 2)
        rows = np.arange(len(peak))
        before, at, after = power[rows, peak - 1], power[rows, peak], power[rows, peak + 1]
        shift = 0.5 * (before - after) / np.minimum(before - 2 * at + after, -1e-9)
        return np.asarray((peak + shift) * RATE_HZ / SIZE)

    @cached_property
    def pitch_hz(self) -> float:
        """The middle of the strongest frequencies of the frames that sound."""
        return float(np.median(self.track_hz[self.sounding]))

    @cached_property
    def mean_spectrum(self) -> Series:
        """Mean power of each bin over the frames that sound."""
        return np.asarray((self.spectrogram[self.sounding] ** 2).mean(0))

    @cached_property
    def lowest_hz(self) -> float:
        """The lowest frequency with a twentieth of the strongest one's power."""
        power = self.mean_spectrum
        strong = np.flatnonzero(power[5:] > 0.05 * power[5:].max()) + 5
        first = int(strong[0])
        while power[first + 1] > power[first]:
            first += 1
        return first * RATE_HZ / SIZE

    @cached_property
    def flatness(self) -> float:
        """Geometric over arithmetic mean of the power between 300 Hz and 7 kHz: near 1 for noise, near 0 for tones."""
        band = self.mean_spectrum[20:448] + 1e-12
        return float(np.exp(np.log(band).mean()) / band.mean())

    @cached_property
    def purity(self) -> float:
        """Share of the power of the frames that sound which is within 15 % of each frame's strongest frequency."""
        power = self.spectrogram[self.sounding] ** 2
        bins = np.arange(power.shape[1]) * RATE_HZ / SIZE
        peaks = self.track_hz[self.sounding][:, None]
        near = np.abs(bins - peaks) < np.maximum(0.15 * peaks, 40)
        return float((power * near).sum() / (power.sum() + 1e-12))

    @cached_property
    def beats_hz(self) -> float:
        """How often a second the loudness rises from low to high; 0 for a steady sound."""
        smooth = gaussian_filter1d(self.loudness, 2.0)
        low, high = np.percentile(smooth, [5, 95])
        rises, up = 0, smooth[0] > (low + high) / 2
        for level in smooth:
            if not up and level > low + 0.55 * (high - low):
                rises, up = rises + 1, True
            elif up and level < low + 0.4 * (high - low):
                up = False
        return rises / (len(smooth) / FRAME_HZ)

    @cached_property
    def duty(self) -> float:
        """Share of the time in which the loudness is over half of its highest."""
        return float((self.loudness > 0.5 * np.percentile(self.loudness, 98)).mean())

    @cached_property
    def wail(self) -> tuple[float, float]:
        """How often a second the pitch goes up and down, and how far: (Hz, standard deviation in octaves)."""
        octaves = gaussian_filter1d(np.log2(np.maximum(self.track_hz, 30.0)), 3.0)
        octaves = octaves - octaves.mean()
        spread = float(np.clip(octaves, -1, 1).std())
        spectrum = np.abs(np.fft.rfft(octaves * np.hanning(len(octaves)), 4096))
        rates = np.fft.rfftfreq(4096, 1 / FRAME_HZ)
        allowed = (rates > 0.35) & (rates < 8)
        return float(rates[allowed][spectrum[allowed].argmax()]), spread

    @cached_property
    def rise(self) -> float:
        """How many octaves the pitch goes up within the loud part of a beat, in the middle of all beats."""
        loud = self.loudness > 0.35 * np.percentile(self.loudness, 97)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
        climbs = [
            np.log2(self.track_hz[end - 1] / self.track_hz[start])
            for start, end in zip(edges[::2], edges[1::2], strict=True)
            if end - start >= 4
        ]
        return float(np.median(climbs)) if climbs else 0.0

    @cached_property
    def strokes_hz(self) -> tuple[float, float]:
        """The rate between 15 and 120 Hz at which the wave repeats, and how alike it is then (0 to 1)."""
        wave = self.samples.astype(np.float64) - self.samples.mean()
        spectrum = np.abs(np.fft.rfft(wave, 2 * len(wave))) ** 2
        alike = np.fft.irfft(spectrum)[: len(wave)]
        alike = alike / (alike[0] + 1e-12)
        lags = slice(RATE_HZ // 120, RATE_HZ // 15)
        best = int(alike[lags].argmax())
        # Of equal peaks the first is the period, the others its multiples.
        near = np.flatnonzero(alike[lags] > 0.85 * alike[lags][best])
        first = int(near[0]) if len(near) else best
        while first + 1 < len(alike[lags]) and alike[lags][first + 1] > alike[lags][first]:
            first += 1
        return RATE_HZ / (first + RATE_HZ // 120), float(alike[lags][first])
