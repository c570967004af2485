"""Sounds made from nothing: coughs, and what may be taken for one. Arrays of float32 at 16 kHz, with a peak of 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

RATE = 16000
Samples = NDArray[np.float32]
Rng = np.random.Generator


def cough(rng: Rng) -> Samples:
    """One cough: an explosive burst, a noisy decay, and often a voiced end.

    The phases and their lengths: Korpáš, Sadloňová and Vrabec, "Analysis of the cough sound: an overview", 1996.
    """
    burst_s, decay_s = rng.uniform(0.03, 0.09), rng.uniform(0.08, 0.28)
    voiced_s = rng.uniform(0.05, 0.18) if rng.random() < 0.6 else 0.0
    length = int((burst_s + decay_s + voiced_s) * RATE)
    time_s = np.arange(length) / RATE
    rise_s = rng.uniform(0.002, 0.012)
    envelope = np.minimum(1, time_s / rise_s) * np.exp(
        -np.maximum(0, time_s - burst_s) / (decay_s / rng.uniform(2, 4))
    )
    envelope += rng.uniform(0.02, 0.12) * (time_s < burst_s + decay_s)
    noise = _resonant(rng, rng.standard_normal(length), [(350, 1100), (1100, 2200), (2200, 4200)])
    sound = noise / np.abs(noise).max() * envelope
    if voiced_s:
        sound += _voice(
            rng, time_s, burst_s + decay_s * rng.uniform(0.5, 1), rng.uniform(140, 420)
        ) * rng.uniform(0.1, 0.5)
    return _peak(sound)


def _voice(rng: Rng, time_s: NDArray[np.float64], start_s: float, pitch_hz: float) -> NDArray[np.float64]:
    pitch = pitch_hz * (1 - 0.25 * np.clip((time_s - start_s) / 0.2, 0, 1))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tone = sum(np.sin(number * phase) / number for number in range(1, 9))
    window = np.clip((time_s - start_s) / 0.02, 0, 1) * np.clip((time_s[-1] - time_s) / 0.04, 0, 1)
    return np.asarray(tone * window)


def _resonant(rng: Rng, noise: NDArray[np.float64], bands: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Noise with a peak somewhere in each band, as a throat gives it."""
    total = 0.15 * noise
    for low, high in bands:
        centre, width = rng.uniform(low, high), rng.uniform(150, 700)
        radius = np.exp(-np.pi * width / RATE)
        poles = [1.0, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2]
        ring = lfilter([1 - radius], poles, noise)
        total = total + rng.uniform(0.3, 1) * ring / (np.abs(ring).max() + 1e-9) * np.abs(noise).max()
    return np.asarray(total)


def clap(rng: Rng) -> Samples:
    """A clap or a knock: as sudden as a cough, and over at once."""
    length = int(rng.uniform(0.04, 0.16) * RATE)
    time_s = np.arange(length) / RATE
    low = rng.uniform(100, 1800)
    noise = _band(rng.standard_normal(length), low, min(7500.0, low * rng.uniform(2, 5)))
    return _peak(noise * np.exp(-time_s / rng.uniform(0.006, 0.025)))


def breath(rng: Rng) -> Samples:
    """A breath or a hiss: noise as of a cough, without its burst."""
    length = int(rng.uniform(0.3, 0.9) * RATE)
    window = np.sin(np.linspace(0, np.pi, length)) ** rng.uniform(0.6, 2)
    return _peak(_resonant(rng, rng.standard_normal(length), [(500, 1500), (1500, 4500)]) * window)


def beep(rng: Rng) -> Samples:
    """A tone of a device, steady, gliding or warbling."""
    length = int(rng.uniform(0.08, 0.6) * RATE)
    time_s = np.arange(length) / RATE
    pitch = rng.uniform(300, 3000) * (
        1 + rng.uniform(-0.4, 0.4) * time_s + 0.1 * np.sin(2 * np.pi * rng.uniform(2, 20) * time_s)
    )
    return _peak(np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * _edges(length, 0.01))


def note(rng: Rng) -> Samples:
    """A chord of a plucked or blown instrument."""
    length = int(rng.uniform(0.15, 0.9) * RATE)
    time_s = np.arange(length) / RATE
    root = 110 * 2 ** (rng.integers(0, 36) / 12)
    plucked, total = rng.random() < 0.6, np.zeros(length)
    for interval in rng.choice([0, 3, 4, 7, 12], size=rng.integers(1, 4), replace=False):
        for number in range(1, rng.integers(4, 10)):
            pitch = root * 2 ** (interval / 12) * number
            total += (
                (pitch < 7500)
                * np.sin(2 * np.pi * pitch * time_s + rng.uniform(0, 6))
                / number ** rng.uniform(1, 2)
            )
    fading = np.exp(-time_s / rng.uniform(0.1, 0.5)) if plucked else 1.0
    return _peak(total * fading * _edges(length, 0.004 if plucked else 0.05))


def drum(rng: Rng) -> Samples:
    """A drum: a falling tone with noise, or a cymbal."""
    length = int(rng.uniform(0.1, 0.4) * RATE)
    time_s = np.arange(length) / RATE
    if rng.random() < 0.4:
        return _peak(
            _band(rng.standard_normal(length), 3500, 7800) * np.exp(-time_s / rng.uniform(0.02, 0.12))
        )
    pitch = rng.uniform(50, 180) * (1 + 2 * np.exp(-time_s / 0.02))
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
    snare = rng.uniform(0, 0.8) * _band(rng.standard_normal(length), 200, 6000)
    return _peak((tone + snare) * np.exp(-time_s / rng.uniform(0.04, 0.15)))


def rustle(rng: Rng) -> Samples:
    """Cloth or paper: noise in quick irregular strokes."""
    length = int(rng.uniform(0.2, 0.9) * RATE)
    knots = np.arange(0, length + 400, 400)
    strokes = np.interp(np.arange(length), knots, rng.random(len(knots)) ** 3)
    return _peak(_band(rng.standard_normal(length), rng.uniform(800, 2500), 7800) * strokes)


OTHERS: Mapping[str, Callable[[Rng], Samples]] = {
    "clap": clap,
    "breath": breath,
    "beep": beep,
    "note": note,
    "drum": drum,
    "rustle": rustle,
}
"""What is no cough and is made here; speech comes from `speech.py`."""


def background(rng: Rng, length: int) -> Samples:
    """A room's own noise: white to brown, perhaps with hum."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.maximum(1, np.arange(len(spectrum))) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, length)
    if rng.random() < 0.3:
        noise += (
            noise.std()
            * rng.uniform(0.3, 1.5)
            * np.sin(2 * np.pi * rng.choice([50, 60, 100, 120]) * np.arange(length) / RATE)
        )
    return _peak(noise)


def in_a_room(rng: Rng, sound: Samples) -> Samples:
    """The sound with the echoes of a small room, and as a cheap microphone hears it."""
    echo = rng.standard_normal(int(rng.uniform(0.02, 0.25) * RATE))
    echo *= np.exp(-np.arange(len(echo)) / (len(echo) / 4)) * rng.uniform(0, 0.08)
    echo[0] = 1
    heard = np.convolve(sound, echo)[: len(sound) + len(echo) // 4]
    return _peak(_band(heard, rng.uniform(30, 200), rng.uniform(3500, 7800)))


def _band(sound: NDArray[Any], low_hz: float, high_hz: float) -> NDArray[np.float64]:
    return np.asarray(sosfilt(butter(2, [low_hz, high_hz], "bandpass", fs=RATE, output="sos"), sound))


def _edges(length: int, edge_s: float) -> NDArray[np.float64]:
    ramp = np.arange(length) / (edge_s * RATE)
    return np.minimum(1, np.minimum(ramp, ramp[::-1]))


def _peak(sound: NDArray[Any]) -> Samples:
    return np.asarray(sound / (np.abs(sound).max() + 1e-9), np.float32)
