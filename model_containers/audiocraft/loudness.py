"""Loudness by ITU-R BS.1770-4, of one channel or two: measured with its filters and gates, and brought to a level."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Samples = NDArray[np.float32]

BLOCK_S, STEP_S = 0.4, 0.1
_OFFSET = -0.691
ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
PEAK = 0.98
"""What no sample goes beyond: a sound that would is made less loud instead of clipped."""


def loudness_lufs(samples: Samples, rate_hz: int) -> float:
    """Integrated loudness in LUFS of (samples) or (samples, 2); minus infinity for silence.

    Sounds under 0.4 s are one block.
    """
    weighted = _weighted(samples.astype(np.float64), rate_hz)
    power = _block_power(weighted, rate_hz)
    heard = power[_level(power) > ABSOLUTE_GATE_LUFS]
    if not len(heard):
        return -math.inf
    gate = float(_level(heard.mean())) + _RELATIVE_GATE_LU
    return float(_level(heard[_level(heard) > gate].mean()))


def normalised(samples: Samples, rate_hz: int, wanted_lufs: float) -> Samples:
    """The sound at this loudness, or as near to it as its highest peak allows; silence stays silence."""
    found = loudness_lufs(samples, rate_hz)
    if math.isinf(found):
        return samples
    gain = min(10 ** ((wanted_lufs - found) / 20), PEAK / float(np.abs(samples).max()))
    return (samples * np.float32(gain)).astype(np.float32)


def _level(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(power, 1e-20)))


def _block_power(weighted: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    block, step = round(BLOCK_S * rate_hz), round(STEP_S * rate_hz)
    power = weighted**2 if weighted.ndim == 1 else (weighted**2).sum(1)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, max(1, len(weighted) - block + 1), step)
    ends = np.minimum(starts + block, len(weighted))
    return np.asarray((sums[ends] - sums[starts]) / np.maximum(1, ends - starts))


def _weighted(samples: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """The K weighting: a shelf for the head, and a high pass.

    The analogue prototypes that give the standard's coefficients at 48 kHz: Mansbridge et al., "Implementation and
    evaluation of autonomous multi-track fader control", AES 132, 2012.
    """
    shelved = lfilter(*_shelf(rate_hz), samples, axis=0)
    return np.asarray(lfilter(*_high_pass(rate_hz), shelved, axis=0))


def _shelf(rate_hz: int) -> tuple[list[float], list[float]]:
    centre, quality, gain = 1681.974450955533, 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    tangent, middle = math.tan(math.pi * centre / rate_hz), gain**0.4996667741545416
    scale = 1 + tangent / quality + tangent**2
    upper = [
        (gain + middle * tangent / quality + tangent**2) / scale,
        2 * (tangent**2 - gain) / scale,
        (gain - middle * tangent / quality + tangent**2) / scale,
    ]
    return upper, [1.0, 2 * (tangent**2 - 1) / scale, (1 - tangent / quality + tangent**2) / scale]


def _high_pass(rate_hz: int) -> tuple[list[float], list[float]]:
    centre, quality = 38.13547087602444, 0.5003270373238773
    tangent = math.tan(math.pi * centre / rate_hz)
    scale = 1 + tangent / quality + tangent**2
    return [1.0, -2.0, 1.0], [1.0, 2 * (tangent**2 - 1) / scale, (1 - tangent / quality + tangent**2) / scale]
