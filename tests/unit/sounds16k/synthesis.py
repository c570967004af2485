"""Sounds made from nothing: float32 at 16 kHz, from -1 to 1, seamless from their first sample to their last."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from model_containers.audiocraft.sounds16k.scenes import Scene

RATE_HZ = 16000
Samples = NDArray[np.float32]
Signal = NDArray[np.float64]
Rng = np.random.Generator

Range = tuple[float, float]
PITCH_HZ: Mapping[str, Mapping[str, Range]] = {
    "siren": {"low": (450, 600), "high": (1100, 1400)},
    "beep": {"low": (450, 650), "high": (1800, 2400)},
    "horn": {"low": (190, 250), "high": (400, 500)},
    "drum": {"low": (65, 95), "high": (220, 300)},
    "chirp": {"low": (1700, 2200), "high": (3800, 4600)},
}
"""Of the tone's centre, or of the lower of two tones."""

PACE_HZ: Mapping[str, Mapping[str, Range]] = {
    "siren": {"slow": (0.5, 0.9), "fast": (2.5, 3.8)},
    "beep": {"slow": (1.1, 1.8), "fast": (4.5, 6.0)},
    "horn": {"slow": (0.6, 0.9), "fast": (2.4, 3.4)},
    "drum": {"slow": (1.1, 1.8), "fast": (4.0, 6.0)},
    "chirp": {"slow": (1.3, 2.0), "fast": (4.5, 6.5)},
    "engine": {"slow": (22, 32), "fast": (65, 90)},
}
"""Of what repeats: a siren's wail, beats and honks, an engine's strokes."""

LOUDNESS: Range = (0.45, 0.75)


def synthesise(scene: Scene, duration_s: float, rng: Rng) -> Samples:
    """Make the sound of a scene whose pitch and pace are said (see `scenes.said`)."""
    length = round(duration_s * RATE_HZ)
    sound = _MAKERS[scene.kind](scene, np.arange(length) / RATE_HZ, rng)
    peak = np.abs(sound).max() + 1e-9
    return np.asarray(sound / peak * rng.uniform(*LOUDNESS), dtype=np.float32)


def _pitch(scene: Scene, rng: Rng) -> float:
    return float(np.exp(rng.uniform(*np.log(PITCH_HZ[scene.kind][scene.pitch]))))


def _pace(scene: Scene, rng: Rng) -> float:
    return float(np.exp(rng.uniform(*np.log(PACE_HZ[scene.kind][scene.pace]))))


def _tone(
    frequency_hz: Signal | float, time_s: Signal, harmonics: Mapping[int, float], start: float = 0.0
) -> Signal:
    frequencies = np.broadcast_to(np.asarray(frequency_hz, np.float64), time_s.shape)
    phase = 2 * np.pi * (np.cumsum(frequencies) / RATE_HZ + start)
    return np.asarray(sum(weight * np.sin(number * phase) for number, weight in harmonics.items()))


def _within_beat(time_s: Signal, pace_hz: float, rng: Rng) -> Signal:
    """How far, in seconds, each moment is behind the last beat."""
    return np.asarray(((time_s * pace_hz + rng.random()) % 1.0) / pace_hz)


def _gate(since_s: Signal, length_s: float, edge_s: float) -> Signal:
    return np.asarray(np.clip(np.minimum(since_s, length_s - since_s) / edge_s, 0, 1))


def _siren(scene: Scene, time_s: Signal, rng: Rng) -> Signal:
    wail = np.sin(2 * np.pi * (time_s * _pace(scene, rng) + rng.random()))
    return _tone(_pitch(scene, rng) * 1.35**wail, time_s, {1: 1.0, 2: 0.3, 3: 0.15})


def _beep(scene: Scene, time_s: Signal, rng: Rng) -> Signal:
    pace = _pace(scene, rng)
    gate = _gate(_within_beat(time_s, pace, rng), 0.5 / pace, 0.006)
    return _tone(_pitch(scene, rng), time_s, {1: 1.0}) * gate


def _horn(scene: Scene, time_s: Signal, rng: Rng) -> Signal:
    pace, pitch = _pace(scene, rng), _pitch(scene, rng)
    gate = _gate(_within_beat(time_s, pace, rng), 0.6 / pace, 0.02)
    reed = {1: 1.0, 2: 0.8, 3: 0.6, 4: 0.4, 5: 0.25, 6: 0.15}
    return (_tone(pitch, time_s, reed) + _tone(pitch * 1.26, time_s, reed, rng.random())) * gate


def _drum(scene: Scene, time_s: Signal, rng: Rng) -> Signal:
    since = _within_beat(time_s, _pace(scene, rng), rng)
    pitch = _pitch(scene, rng)
    skin = np.sin(2 * np.pi * pitch * (since - 0.012 * np.exp(-since / 0.02))) * np.exp(-since / 0.06)
    stick = rng.standard_normal(len(time_s)) * np.exp(-since / 0.004) * 0.25
    return np.asarray((skin + stick) * np.clip(since / 0.001, 0, 1))


def _chirp(scene: Scene, time_s: Signal, rng: Rng) -> Signal:
    pace, pitch = _pace(scene, rng), _pitch(scene, rng)
    since = _within_beat(time_s, pace, rng)
    length = rng.uniform(0.08, 0.11)
    sweep = pitch * (0.8 + 0.4 * np.clip(since / length, 0, 1))
    return _tone(sweep, time_s, {1: 1.0}) * _gate(since, length, 0.015)


def _engine(scene: Scene, time_s: Signal, rng: Rng) -> Signal:
    strokes = _pace(scene, rng)
    since = _within_beat(time_s, strokes, rng)
    thud = np.exp(-since * max(90.0, 2.2 * strokes)) * np.sin(2 * np.pi * rng.uniform(110, 150) * since)
    hiss = lfilter([0.08], [1, -0.92], rng.standard_normal(len(time_s)))
    return np.asarray(thud + 0.15 * hiss)


def _rain(scene: Scene, time_s: Signal, rng: Rng) -> Signal:
    noise = rng.standard_normal(len(time_s))
    drops = (rng.random(len(time_s)) < 0.004) * rng.exponential(2.0, len(time_s))
    splashes = lfilter([1.0], [1, -0.9], drops) * rng.standard_normal(len(time_s))
    return np.asarray(lfilter([1.0, -0.6], [1.0], noise) + splashes)


_MAKERS: dict[str, Callable[[Scene, Signal, Rng], Signal]] = {
    "siren": _siren,
    "beep": _beep,
    "horn": _horn,
    "drum": _drum,
    "chirp": _chirp,
    "engine": _engine,
    "rain": _rain,
}
