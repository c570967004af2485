"""Says whether a sound is what a scene asks for, by measurements alone. Returns the kinds of its faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from model_containers.audiocraft.sounds16k.scenes import Scene
from tests.unit.sounds16k.hearing import Heard

PITCH_SPLIT_HZ = {"siren": 800, "beep": 1050, "horn": 330, "drum": 150, "chirp": 3000}
PACE_SPLIT_HZ = {"siren": 1.5, "beep": 3.0, "horn": 1.5, "drum": 2.8, "chirp": 3.2, "engine": 45}
"""Half-way, by ratio, between what low and high, slow and fast are in training."""


def judge(samples: NDArray[np.float32], scene: Scene) -> list[str]:
    """Return `kind`, `pitch` and `pace` where they are wrong; an empty list is a right sound."""
    return faults(Heard(samples), scene)


def faults(heard: Heard, scene: Scene) -> list[str]:
    """The same of a sound that is measured already."""
    if heard.silent:
        return ["silent"]
    if not _KINDS[scene.kind](heard):
        return ["kind"]
    return list(_details(heard, scene))


def _details(heard: Heard, scene: Scene) -> Iterator[str]:
    if scene.pitch:
        high = _pitch(heard, scene.kind) > PITCH_SPLIT_HZ[scene.kind]
        if high != (scene.pitch == "high"):
            yield "pitch"
    if scene.pace:
        fast = _pace(heard, scene.kind) > PACE_SPLIT_HZ[scene.kind]
        if fast != (scene.pace == "fast"):
            yield "pace"


def _pitch(heard: Heard, kind: str) -> float:
    return heard.pitch_hz if kind != "horn" else heard.lowest_hz


def _pace(heard: Heard, kind: str) -> float:
    if kind == "siren":
        return heard.wail[0]
    return heard.strokes_hz[0] if kind == "engine" else heard.beats_hz


def _siren(heard: Heard) -> bool:
    _, spread = heard.wail
    return heard.flatness < 0.1 and heard.steadiness > 0.45 and spread > 0.12 and 300 < heard.pitch_hz < 2200


def _beep(heard: Heard) -> bool:
    return (
        heard.beats_hz > 0.7
        and heard.steadiness < 0.3
        and heard.purity > 0.7
        and abs(heard.rise) < 0.12
        and 350 < heard.pitch_hz < 3000
        and 0.3 < heard.duty < 0.75
    )


def _horn(heard: Heard) -> bool:
    return (
        heard.beats_hz > 0.3
        and heard.steadiness < 0.3
        and heard.purity < 0.7
        and heard.flatness < 0.15
        and 150 < heard.lowest_hz < 700
        and heard.duty > 0.35
    )


def _drum(heard: Heard) -> bool:
    return heard.beats_hz > 0.7 and heard.pitch_hz < 400 and heard.duty < 0.45 and heard.steadiness < 0.3


def _chirp(heard: Heard) -> bool:
    return heard.beats_hz > 0.7 and heard.pitch_hz > 1300 and heard.rise > 0.12 and heard.steadiness < 0.3


def _engine(heard: Heard) -> bool:
    rate, alike = heard.strokes_hz
    return alike > 0.3 and 17 < rate < 110 and heard.steadiness > 0.4 and heard.pitch_hz < 400


def _rain(heard: Heard) -> bool:
    return heard.flatness > 0.3 and heard.steadiness > 0.5


_KINDS: dict[str, Callable[[Heard], bool]] = {
    "siren": _siren,
    "beep": _beep,
    "horn": _horn,
    "drum": _drum,
    "chirp": _chirp,
    "engine": _engine,
    "rain": _rain,
}
