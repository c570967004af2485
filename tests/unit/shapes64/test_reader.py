"""The text encoder's lesson: what captions say, place by place."""

import random
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from model_containers.diffusers.shapes64.networks import TEXT_LENGTH, TEXT_WIDTH
from model_containers.diffusers.shapes64.scenes import COLOURS, PLACES, SHAPES, Figure, Scene, held_out
from model_containers.diffusers.shapes64.train_reader import (
    REGISTERS,
    Answers,
    Questions,
    answers,
    lesson,
    train_reader,
)
from model_containers.diffusers.shapes64.words import make_tokenizer, tokenize
from model_containers.training.stage import Plan

LEFT, RIGHT, MIDDLE = PLACES.index("left"), PLACES.index("right"), PLACES.index("middle")


def test_a_pair_is_told_at_its_two_places_and_the_background_at_the_last() -> None:
    scene = Scene("yellow", (Figure("red", "circle"), Figure("blue", "square")), "left")
    told = answers([scene])
    colours, shapes = told.colours[0].tolist(), told.shapes[0].tolist()
    names = [None, *COLOURS]
    assert (names[colours[LEFT]], names[colours[RIGHT]], names[colours[-1]]) == ("red", "blue", "yellow")
    kinds = [None, *SHAPES]
    assert (kinds[shapes[LEFT]], kinds[shapes[RIGHT]]) == ("circle", "square")
    assert sum(colour > 0 for colour in colours) == 3
    assert sum(shape > 0 for shape in shapes) == 2


def test_a_single_figure_is_told_at_its_place_alone() -> None:
    told = answers([Scene("white", (Figure("green", "star"),), "middle")])
    assert [place for place in range(len(PLACES)) if told.shapes[0, place]] == [MIDDLE]


def test_a_caption_that_asks_for_nothing_tells_nothing() -> None:
    told = answers([None])
    assert not told.colours.any()
    assert not told.shapes.any()


def test_a_lesson_holds_no_scene_that_is_kept_from_training() -> None:
    scenes, captions = lesson(random.Random(3), 500)
    assert len(scenes) == len(captions) == 500
    assert not any(scene is not None and held_out(scene) for scene in scenes)


def test_the_registers_are_the_last_positions_of_the_prompt() -> None:
    questions = Questions()
    told = Answers(torch.ones(1, REGISTERS, dtype=torch.long), torch.ones(1, REGISTERS, dtype=torch.long))
    text = torch.randn(1, TEXT_LENGTH, TEXT_WIDTH)
    before = questions.loss(text, told)
    text[:, : TEXT_LENGTH - REGISTERS] = 0
    assert torch.equal(questions.loss(text, told), before)
    text[:, TEXT_LENGTH - 1] = 0
    assert not torch.equal(questions.loss(text, told), before)


def test_prompts_are_padded_and_cut_to_the_length_that_the_pipeline_uses() -> None:
    assert tokenize(make_tokenizer(), ["a red circle", "red " * 100]).shape == (2, TEXT_LENGTH)


def test_reading_gets_better_by_the_lesson(tmp_path: Path) -> None:
    untaught = train_reader(Plan(0.0, 32, 2e-3, "cpu", 0, tmp_path / "untaught.pt", steps=1))
    taught = train_reader(Plan(0.0, 32, 2e-3, "cpu", 0, tmp_path / "taught.pt", steps=40))
    scenes, captions = lesson(random.Random(9), 100)
    told, tokens = answers(scenes), tokenize(taught.tokenizer, captions)
    with torch.no_grad():
        losses = [
            reader.questions.loss(reader.text_encoder(tokens).last_hidden_state, told)
            for reader in (untaught, taught)
        ]
    assert losses[1] < losses[0]
