"""The user is told what the model does not read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from model_containers.diffusers.checkpoints import LoadedModel
from model_containers.diffusers.prompt_window import remarks
from tests.unit.diffusers_container.tiny_checkpoint import make_tokenizer

LONG = "a red circle on the left of a blue square on a green background"


def test_a_prompt_that_fits_needs_no_remark(tiny_model: LoadedModel) -> None:
    # Ten words and the start and end tokens fill the window of twelve exactly.
    assert not list(remarks(tiny_model.pipeline, "a red circle on the left of a blue square", "prompt"))
    assert not list(remarks(tiny_model.pipeline, "", "prompt"))


def test_what_is_cut_is_said(tiny_model: LoadedModel) -> None:
    lines = list(remarks(tiny_model.pipeline, LONG, "negative prompt"))
    assert lines == [
        "The negative prompt is longer than the 12 tokens that the model reads. Not read: on a green background"
    ]


def test_unknown_words_are_said_once(tiny_model: LoadedModel) -> None:
    lines = list(remarks(tiny_model.pipeline, "a purple circle on a purple Dog", "prompt"))
    assert lines == ["Words of the prompt that the model does not know: purple, Dog"]


def test_of_two_text_encoders_the_one_that_reads_more_counts() -> None:
    small, large = make_tokenizer(), make_tokenizer()
    large.model_max_length = 40

    class Pipeline(SimpleNamespace):
        def __call__(self) -> None: ...

    pipeline: Any = Pipeline(tokenizer=small, tokenizer_2=large, tokenizer_3=None)
    assert not list(remarks(pipeline, LONG, "prompt"))


def test_a_pipeline_without_tokenizer_needs_no_remark() -> None:
    assert not list(remarks(SimpleNamespace(), LONG, "prompt"))


@pytest.mark.parametrize("words", [100, 2000])
def test_a_remark_stays_short(tiny_model: LoadedModel, words: int) -> None:
    assert all(len(line) < 400 for line in remarks(tiny_model.pipeline, "circle " * words, "prompt"))
