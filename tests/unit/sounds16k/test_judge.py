"""The judge takes right sounds for right and wrong ones for wrong; they are made by another recipe than training's."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from model_containers.audiocraft.sounds16k.scenes import KINDS, Scene, all_scenes, said
from tests.unit.sounds16k.hearing import Heard
from tests.unit.sounds16k.judge import faults, judge
from tests.unit.sounds16k.synthesis import synthesise


def sounds(kind: str) -> Iterator[tuple[Scene, NDArray[np.float32]]]:
    """Sounds of a kind in every variant, and the scene that each is."""
    rng, chance = random.Random(kind), np.random.default_rng(len(kind))
    for scene in all_scenes():
        if scene.kind == kind and said(scene, rng) == scene:
            yield scene, synthesise(scene, 4.0, chance)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_is_right_for_its_scene_and_for_no_other(kind: str) -> None:
    for made, samples in sounds(kind):
        heard = Heard(samples)
        for scene in all_scenes():
            fits = scene.kind == kind and scene.pitch in ("", made.pitch) and scene.pace in ("", made.pace)
            assert (not faults(heard, scene)) == fits, (made, scene)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [np.zeros(64000), np.ones(64000) * 0.5, np.sin(np.arange(64000) * 0.5)])
def test_silence_a_step_and_a_steady_tone_are_no_sound_of_any_kind(
    kind: str, samples: NDArray[np.float64]
) -> None:
    assert judge(samples.astype(np.float32), Scene(kind))
