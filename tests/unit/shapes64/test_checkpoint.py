"""The shipped checkpoint loads by stock diffusers, is small, and draws what held-out prompts ask for."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from model_containers.diffusers.shapes64.checkpoint_folder import size_bytes
from model_containers.diffusers.shapes64.evaluate import (
    CHECKPOINT,
    Settings,
    generate,
    held_out_prompts,
    load,
    measure,
)
from model_containers.diffusers.shapes64.scenes import Figure, Scene
from tests.unit.shapes64.expectations import judge

NEWCOMERS_PROMPTS = {
    "a red circle": Scene("white", (Figure("red", "circle"),), "middle"),
    "Blue square on yellow.": Scene("yellow", (Figure("blue", "square"),), "middle"),
    "green star": Scene("white", (Figure("green", "star"),), "middle"),
    "A red circle to the left of a blue square on a yellow background": Scene(
        "yellow", (Figure("red", "circle"), Figure("blue", "square")), "left"
    ),
}


def test_the_checkpoint_is_at_most_twelve_megabytes_and_holds_no_pickle() -> None:
    assert size_bytes(CHECKPOINT) <= 12_000_000
    suffixes = {path.suffix for path in CHECKPOINT.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".md", ".safetensors"}


def test_the_checkpoint_names_classes_that_every_diffusers_knows() -> None:
    parts = json.loads(Path(CHECKPOINT, "model_index.json").read_text())
    assert parts["_class_name"] == "StableDiffusionPipeline"
    assert parts["tokenizer"] == ["transformers", "PreTrainedTokenizerFast"]
    assert parts["safety_checker"] == [None, None]


@pytest.mark.model
@pytest.mark.timeout(600)
def test_nine_of_ten_held_out_prompts_give_the_right_picture() -> None:
    prompts = held_out_prompts(200)
    figures = measure(load(CHECKPOINT), prompts, judge, Settings())
    print(f"\n{figures}")
    assert figures.pictures == 200
    assert figures.right >= 0.9


@pytest.mark.model
@pytest.mark.timeout(300)
def test_a_newcomers_first_prompts_give_the_right_pictures() -> None:
    pictures = generate(load(CHECKPOINT), list(NEWCOMERS_PROMPTS), Settings())
    for picture, (words, scene) in zip(pictures, NEWCOMERS_PROMPTS.items(), strict=True):
        assert judge(picture, scene) == [], words
