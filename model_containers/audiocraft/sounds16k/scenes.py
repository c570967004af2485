"""What sounds-16k can make, and which of it training never sees."""

from __future__ import annotations

import hashlib
import itertools
import random
from dataclasses import dataclass

TONAL = ("siren", "beep", "horn", "drum", "chirp")
"""Kinds that have both a pitch and a pace."""

KINDS = (*TONAL, "engine", "rain")
PITCHES = ("", "low", "high")
PACES = ("", "slow", "fast")
"""An empty word: not said, either is right."""

HELD_OUT_SHARE = 0.1
_SCENES_HELD_OUT = {
    ("siren", "high", "slow"),
    ("beep", "low", "fast"),
    ("drum", "high", "fast"),
    ("chirp", "low", "slow"),
}


@dataclass(frozen=True)
class Scene:
    """One sound. pitch and pace are empty where the prompt does not say."""

    kind: str
    pitch: str = ""
    pace: str = ""

    @property
    def held_out(self) -> bool:
        """Whether training never sees this combination, only its parts with others."""
        return (self.kind, self.pitch, self.pace) in _SCENES_HELD_OUT


def all_scenes() -> tuple[Scene, ...]:
    """Every scene: rain has neither pitch nor pace, an engine's pace is its speed."""
    tonal = (Scene(*words) for words in itertools.product(TONAL, PITCHES, PACES))
    engines = (Scene("engine", "", pace) for pace in PACES)
    return (*tonal, *engines, Scene("rain"))


def draw_scene(rng: random.Random) -> Scene:
    """Draw a scene, each kind as often as the others; rain and engine, which have fewer variants, half as often."""
    kind = rng.choices(KINDS, [2.0] * len(TONAL) + [1.5, 1.0])[0]
    if kind == "rain":
        return Scene(kind)
    pace = rng.choice(PACES)
    return Scene(kind, rng.choice(PITCHES) if kind in TONAL else "", pace)


def said(scene: Scene, rng: random.Random) -> Scene:
    """Fill in what a scene leaves open: what is then made."""
    pitch = scene.pitch or (rng.choice(PITCHES[1:]) if scene.kind in TONAL else "")
    pace = scene.pace or (rng.choice(PACES[1:]) if scene.kind != "rain" else "")
    return Scene(scene.kind, pitch, pace)


def prompt_held_out(prompt: str) -> bool:
    """Whether the wording is kept from training: the same tenth on every machine."""
    digest = hashlib.sha256(prompt.encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32
