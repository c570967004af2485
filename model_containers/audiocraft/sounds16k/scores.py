"""What a scene is as codes: which atoms sound in which frame, and how loud."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_containers.audiocraft.sounds16k.atoms import NOISES, Atom, all_atoms
from model_containers.audiocraft.sounds16k.scenes import Scene

LEVELS = ((0.6, 0.4, 0.2), (0.1, 0.05, 0.025))
"""Of each codebook how loud its entries are: the second one's are for what sounds behind, and for what is left."""

CODEBOOKS = len(LEVELS)
ENTRIES = 256
SILENCE = 0
BETWEEN_BEATS: dict[str, dict[str, tuple[int, ...]]] = {
    "siren": {"slow": (28, 30, 34), "fast": (8, 9, 10)},
    "beep": {"slow": (15, 18, 21), "fast": (5, 6)},
    "horn": {"slow": (28, 33, 38), "fast": (8, 9, 10)},
    "drum": {"slow": (15, 18, 21), "fast": (4, 5, 6)},
    "chirp": {"slow": (13, 16, 19), "fast": (4, 5)},
}
"""Frames from one beat, or top of a siren's wail, to the next: few and whole, so that they are soon learned, and such
as the codec's encoder keeps."""

_SOUNDING = {"beep": 0.5, "horn": 0.6}
"""Share of the time between two beats; drums and chirps have one atom."""

_ATOMS = all_atoms()
Codes = NDArray[np.int64]
Rng = np.random.Generator


def entry(atom: int, level: int) -> int:
    """The number of the entry that is this atom at this level of its codebook."""
    return 1 + atom * len(LEVELS[0]) + level


def places(kind: str, variant: str) -> list[int]:
    """The numbers of all atoms of a kind."""
    return [place for place, atom in enumerate(_ATOMS) if (atom.kind, atom.variant) == (kind, variant)]


def atoms() -> tuple[Atom, ...]:
    """All atoms."""
    return _ATOMS


def score(scene: Scene, frames: int, rng: Rng) -> Codes:
    """Write the codes (CODEBOOKS, frames) of a scene whose pitch and pace are said (see `scenes.said`)."""
    codes = np.full((CODEBOOKS, frames), SILENCE, dtype=np.int64)
    level = int(rng.integers(2))
    if scene.kind == "siren":
        codes[0] = _wail(scene, frames, level, rng)
    elif scene.kind == "engine":
        codes[0] = entry(int(rng.choice(places("engine", scene.pace))), level)
        codes[1] = _noise(frames, 1, rng)
    elif scene.kind == "rain":
        codes[0] = _noise(frames, level, rng)
        codes[1] = _noise(frames, 0, rng)
    else:
        codes[0] = _beats(scene, frames, level, rng)
    return codes


def _noise(frames: int, level: int, rng: Rng) -> Codes:
    first = places("rain", "")[0]
    return np.array([entry(first + int(number), level) for number in rng.integers(NOISES, size=frames)])


def _wail(scene: Scene, frames: int, level: int, rng: Rng) -> Codes:
    tones = places("siren", scene.pitch)
    period = _period(scene, rng)
    since = (np.arange(frames) + int(rng.integers(period))) % period
    height = 0.5 + 0.5 * np.cos(2 * np.pi * since / period)
    return np.array([entry(tones[round(each * (len(tones) - 1))], level) for each in height])


def _period(scene: Scene, rng: Rng) -> int:
    return int(rng.choice(BETWEEN_BEATS[scene.kind][scene.pace]))


def _beats(scene: Scene, frames: int, level: int, rng: Rng) -> Codes:
    period = _period(scene, rng)
    sounding = max(1, round(_SOUNDING.get(scene.kind, 0.0) * period))
    atom = int(rng.choice(places(scene.kind, scene.pitch)))
    since = (np.arange(frames) + int(rng.integers(period))) % period
    return np.where(since < sounding, entry(atom, level), SILENCE)
