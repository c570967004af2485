"""The shipped checkpoint is small, holds no code, and makes what held-out prompts ask for."""

from __future__ import annotations

import json

import pytest
import torch

pytest.importorskip("transformers")

from model_containers.audiocraft.checkpoint_layouts import layout_of
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.loading import LoadedModel, load
from model_containers.audiocraft.sounds16k.captions import held_out_pairs
from model_containers.audiocraft.sounds16k.checkpoint_folder import size_bytes
from model_containers.audiocraft.sounds16k.evaluate import CHECKPOINT, make_sounds, measure
from model_containers.audiocraft.sounds16k.scenes import Scene
from model_containers.checkpoints.device import Device
from tests.unit.sounds16k.judge import judge

FIRST_PROMPTS = {
    "a slow low siren": Scene("siren", "low", "slow"),
    "Fast beeps!": Scene("beep", "", "fast"),
    "birds chirping": Scene("chirp"),
    "the sound of a deep drum": Scene("drum", "low"),
    "heavy rain": Scene("rain"),
}


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    layout = layout_of(CHECKPOINT)
    return load(layout, layout.facts(Bounds()), Device("cpu", torch.float32))


def test_the_checkpoint_is_at_most_twelve_megabytes_and_holds_no_pickle() -> None:
    assert size_bytes(CHECKPOINT) <= 12_000_000
    suffixes = {path.suffix for path in CHECKPOINT.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".md", ".safetensors"}


def test_the_checkpoint_names_classes_that_every_transformers_knows() -> None:
    assert json.loads((CHECKPOINT / "config.json").read_text())["model_type"] == "musicgen"
    told = json.loads((CHECKPOINT / "tokenizer_config.json").read_text())
    assert told["tokenizer_class"] == "PreTrainedTokenizerFast"


@pytest.mark.model
@pytest.mark.timeout(600)
def test_85_of_100_held_out_prompts_give_the_right_sound(model: LoadedModel) -> None:
    figures = measure(model, held_out_pairs(100), judge)
    print(f"\n{figures}")
    assert figures.sounds == 100
    assert figures.right >= 0.85


@pytest.mark.model
@pytest.mark.timeout(300)
def test_first_prompts_give_the_right_sounds(model: LoadedModel) -> None:
    sounds = make_sounds(model, list(FIRST_PROMPTS))
    for sound, (words, scene) in zip(sounds, FIRST_PROMPTS.items(), strict=True):
        assert judge(sound, scene) == [], words
