"""The codec that is written down: what it says of a sound is what it makes the sound from."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from model_containers.audiocraft.sounds16k.atoms import HOP
from model_containers.audiocraft.sounds16k.built_codec import lapped_kernels, make_codec
from model_containers.audiocraft.sounds16k.captions import held_out_pairs, training_pair
from model_containers.audiocraft.sounds16k.scenes import all_scenes, prompt_held_out, said
from model_containers.audiocraft.sounds16k.scores import score
from tests.unit.sounds16k.judge import judge

FRAMES = 100


def test_scores_decode_to_sounds_that_are_right_and_stay_so_when_coded_again() -> None:
    codec = make_codec()
    rng, chance = random.Random(0), np.random.default_rng(0)
    scenes = all_scenes()
    codes = torch.from_numpy(np.stack([score(said(scene, rng), FRAMES, chance) for scene in scenes]))
    with torch.no_grad():
        made = codec.decode(codes[None], [None]).audio_values
        again = codec.decode(codec.encode(made).audio_codes, [None]).audio_values
    assert made.shape == (len(scenes), 1, FRAMES * HOP)
    for sounds in (made, again):
        wrong = [scene for scene, each in zip(scenes, sounds, strict=True) if judge(each[0].numpy(), scene)]
        assert not wrong


def test_the_transform_gives_back_what_it_was_given() -> None:
    kernels = lapped_kernels()
    bands = len(kernels)
    samples = np.random.default_rng(0).standard_normal(bands * 10)
    made = np.zeros_like(samples)
    for start in range(0, len(samples) - bands, bands):
        part = slice(start, start + 2 * bands)
        made[part] += kernels.T @ (kernels @ samples[part])
    np.testing.assert_allclose(made[bands:-bands], samples[bands:-bands], atol=1e-12)


def test_training_never_sees_a_held_out_prompt_or_scene() -> None:
    rng = random.Random(0)
    for _ in range(500):
        scene, prompt = training_pair(rng)
        assert not scene.held_out
        assert not prompt_held_out(prompt)
    pairs = held_out_pairs(100)
    assert len({prompt for _, prompt in pairs}) == 100
    assert all(scene.held_out or prompt_held_out(prompt) for scene, prompt in pairs)
    assert any(scene.held_out for scene, _ in pairs)
