"""The short sounds that sounds-16k is put together from, one or two at each frame of 40 ms.

An atom spans two frames and fades in and out, so that a row of equal atoms is a steady tone. All steady tones are
multiples of 25 Hz, the frame rate: then each atom goes on in the phase in which the one before it leaves off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16000
FRAME_HZ = 25
HOP = RATE_HZ // FRAME_HZ
LENGTH = 1300
"""Samples that the codec gives an atom; it leaves the outermost ten empty."""

Samples = NDArray[np.float64]
_EDGE = 10
_SPAN = 2 * HOP
_TIME_S = np.arange(_SPAN) / RATE_HZ
_FADE = np.sin(np.pi * (np.arange(_SPAN) + 0.5) / _SPAN)
_HARMONICS = {
    "siren": {1: 1.0, 2: 0.3, 3: 0.15},
    "beep": {1: 1.0},
    "horn": {1: 1.0, 2: 0.8, 3: 0.6, 4: 0.4, 5: 0.25, 6: 0.15},
}

TONES_HZ: Mapping[tuple[str, str], tuple[tuple[int, ...], ...]] = {
    ("siren", "low"): tuple((hz,) for hz in range(400, 701, 25)),
    ("siren", "high"): tuple((hz,) for hz in range(925, 1676, 75)),
    ("beep", "low"): ((450,), (500,), (550,), (600,), (650,)),
    ("beep", "high"): ((1800,), (1950,), (2100,), (2250,), (2400,)),
    ("horn", "low"): ((200, 250), (225, 275), (250, 325)),
    ("horn", "high"): ((400, 500), (425, 525), (475, 600)),
}
"""Of each steady tone its frequencies."""

DRUMS_HZ: Mapping[str, tuple[float, ...]] = {"low": (70, 80, 92), "high": (225, 255, 290)}
CHIRPS_HZ: Mapping[str, tuple[float, ...]] = {"low": (1750, 1950, 2150), "high": (3900, 4200, 4500)}
STROKES_HZ: Mapping[str, int] = {"slow": 25, "fast": 75}
THUDS_HZ = (110.0, 130.0, 150.0)
NOISES = 8


@dataclass(frozen=True)
class Atom:
    """A short sound: what it is for, and its samples (LENGTH) with a peak of about 1."""

    kind: str
    variant: str
    samples: Samples


def all_atoms() -> tuple[Atom, ...]:
    """Every atom, always in the same order."""
    return tuple(Atom(kind, variant, np.pad(wave, _EDGE)) for kind, variant, wave in _waves())


def _waves() -> Iterator[tuple[str, str, Samples]]:
    for (kind, pitch), tones in TONES_HZ.items():
        for tone in tones:
            yield kind, pitch, _steady(kind, tone)
    for pitch, pitches in DRUMS_HZ.items():
        for hz in pitches:
            yield "drum", pitch, _drum(hz)
    for pitch, pitches in CHIRPS_HZ.items():
        for hz in pitches:
            yield "chirp", pitch, _chirp(hz)
    for pace, strokes in STROKES_HZ.items():
        for hz in THUDS_HZ:
            yield "engine", pace, _engine(strokes, hz)
    chance = np.random.default_rng(16)
    for _ in range(NOISES):
        # Neighbours are different noises, whose powers add up: so the fade is the root of that of tones.
        yield "rain", "", chance.standard_normal(_SPAN) * 0.3 * _FADE


def _steady(kind: str, tone: tuple[int, ...]) -> Samples:
    wave = np.zeros(_SPAN)
    for hz in tone:
        for number, weight in _HARMONICS[kind].items():
            wave += weight * np.sin(2 * np.pi * hz * number * _TIME_S + number)
    return np.asarray(wave / np.abs(wave).max() * _FADE**2)


def _drum(hz: float) -> Samples:
    """A hit, a quarter of the way into the atom, that has died away by its end."""
    since = np.maximum(0.0, _TIME_S - 0.015)
    begun = np.clip((_TIME_S - 0.015) / 0.001, 0, 1)
    skin = np.sin(2 * np.pi * hz * (since + 0.008 * (1 - np.exp(-since / 0.01)))) * np.exp(-since / 0.035)
    stick = np.random.default_rng(round(hz)).standard_normal(_SPAN) * np.exp(-since / 0.003) * 0.2
    return np.asarray((skin + stick) * begun * np.clip((_TIME_S[-1] - _TIME_S) / 0.015, 0, 1))


def _chirp(hz: float) -> Samples:
    """A sweep from four fifths of the frequency to six fifths."""
    sweep = hz * (0.8 + 0.4 * _TIME_S / _TIME_S[-1])
    return np.asarray(np.sin(2 * np.pi * np.cumsum(sweep) / RATE_HZ) * _FADE)


def _engine(strokes_hz: int, thud_hz: float) -> Samples:
    since = (_TIME_S * strokes_hz) % 1.0 / strokes_hz
    thud = np.exp(-since * max(90.0, 2.2 * strokes_hz)) * np.sin(2 * np.pi * thud_hz * since)
    return np.asarray(thud / np.abs(thud).max() * _FADE**2)
