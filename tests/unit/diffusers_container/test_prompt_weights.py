"""Weights in prompts: worked examples of the web UIs, and that what is malformed is literal."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import LoadedModel, load
from model_containers.diffusers.generation_settings import settings_of
from model_containers.diffusers.input_schema import Bounds, Defaults, input_schema
from model_containers.diffusers.prompt_reading import WeightedTokenizer, read_weights
from model_containers.diffusers.prompt_weights import parse, plain
from model_containers.diffusers.samplers import SAMPLERS
from model_containers.sdk import InvalidInput
from tests.unit.diffusers_container.tiny_checkpoint import WINDOW
from tests.unit.diffusers_container.watchers import USUAL, pixels

SHAPES_64 = Path(__file__).parents[3] / "model_containers" / "diffusers" / "shapes64" / "checkpoint"


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("", []),
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("((very))", [("very", 1.21)]),
        ("(word:1.3)", [("word", 1.3)]),
        ("(word: 1.3 )", [("word", 1.3)]),
        ("(word:+.5)", [("word", 0.5)]),
        ("(word:-1)", [("word", -1.0)]),
        ("[word]", [("word", 1 / 1.1)]),
        ("[[word]]", [("word", 1 / 1.21)]),
        ("([both])", [("both", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("[unbalanced (twice", [("unbalanced ", 1 / 1.1), ("twice", 1.0)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        (r"a \\ and \x", [(r"a \ and x", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ("a ", 1.0),
                ("house", 1.573),
                (" ", 1.1),
                ("on", 1.0),
                (" a ", 1.1),
                ("hill", 0.55),
                (", sun, ", 1.1),
                ("sky", 1.4641),
                (".", 1.1),
            ],
        ),
    ],
)
def test_weights_are_read_as_the_web_uis_do(prompt: str, pieces: list[tuple[str, float]]) -> None:
    found = parse(prompt)
    assert [piece.text for piece in found] == [text for text, _ in pieces]
    assert [piece.weight for piece in found] == pytest.approx([weight for _, weight in pieces])


@pytest.mark.parametrize(
    ("prompt", "text", "weight"),
    [
        ("word)", "word)", 1.0),
        ("word]", "word]", 1.0),
        ("word:1.3", "word:1.3", 1.0),
        ("word:1.3)", "word:1.3)", 1.0),
        ("[word:1.3]", "word:1.3", 1 / 1.1),
        ("(word:heavy)", "word:heavy", 1.1),
        ("(word:1.2.3)", "word:1.2.3", 1.1),
        ("(word:)", "word:", 1.1),
        ("(word:1e3)", "word:1e3", 1.1),
        ("(word:" + "9" * 400 + ")", "word:" + "9" * 400, 1.1),
    ],
)
def test_what_is_malformed_is_literal(prompt: str, text: str, weight: float) -> None:
    (piece,) = parse(prompt)
    assert piece.text == text
    assert piece.weight == pytest.approx(weight)
    assert plain(prompt) == text


def test_a_weight_beyond_the_limit_is_refused() -> None:
    schema = input_schema(Defaults(), Bounds(), SAMPLERS)
    with pytest.raises(InvalidInput, match="limit is 100") as caught:
        settings_of({"prompt": "a", "negative_prompt": "(b:101)"}, schema, Bounds())
    assert caught.value.field == "negative_prompt"


def test_each_token_has_the_weight_of_its_piece(tiny_model: LoadedModel) -> None:
    reader = WeightedTokenizer(tiny_model.pipeline.tokenizer)
    prompt = "a (red circle:1.5) on [blue]"
    assert reader.weights(prompt).tolist() == pytest.approx(
        [1.0, 1.0, 1.5, 1.5, 1.0, 1 / 1.1, *[1.0] * (WINDOW - 6)]
    )
    options = {"padding": "max_length", "max_length": WINDOW, "truncation": True, "return_tensors": "pt"}
    weighted, stock = reader(prompt, **options), tiny_model.pipeline.tokenizer(plain(prompt), **options)
    assert torch.equal(weighted.input_ids, stock.input_ids)
    assert torch.equal(weighted.attention_mask, stock.attention_mask)


def test_a_long_prompt_is_cut_at_the_window_and_keeps_its_end(tiny_model: LoadedModel) -> None:
    reader = WeightedTokenizer(tiny_model.pipeline.tokenizer)
    prompt = "(red:2) " * 30
    found = reader(prompt, padding="max_length", truncation=True, return_tensors="pt").input_ids[0]
    assert (len(found), found[0], found[-1]) == (WINDOW, 1, 2)
    assert reader.weights(prompt).tolist() == [1.0, *[2.0] * (WINDOW - 2), 1.0]


def _embeddings(model: LoadedModel, prompt: str) -> torch.Tensor:
    pipeline = copy.copy(model.pipeline)
    read_weights(pipeline, prompt, "")
    with torch.inference_mode():
        return torch.as_tensor(pipeline.encode_prompt(prompt, "cpu", 2, False)[0])


def test_embeddings_are_weighted_and_keep_their_mean() -> None:
    model = load(checkpoint_files(SHAPES_64), choose_device("cpu", "float32", threads=1))
    weighted = "a (red:1.5) circle"
    before, after = (_embeddings(model, text) for text in ("a red circle", weighted))
    weights = WeightedTokenizer(model.pipeline.tokenizer).weights(weighted)
    assert weights[:4].tolist() == [1.0, 1.0, 1.5, 1.0]
    scaled = before * weights[:, None]
    assert torch.allclose(after, scaled * (before.mean() / scaled.mean()), atol=1e-5)
    assert torch.allclose(after.mean(), before.mean(), atol=1e-5)


@pytest.mark.parametrize("prompt", ["a red circle", "a (red:1.0) circle", r"a ([red]) circle"])
def test_a_weight_of_one_changes_nothing(tiny_model: LoadedModel, prompt: str) -> None:
    usual = replace(USUAL, prompt="a red circle")
    assert np.array_equal(pixels(tiny_model, replace(usual, prompt=prompt))[0], pixels(tiny_model, usual)[0])


def test_weights_of_both_prompts_change_the_picture(tiny_model: LoadedModel) -> None:
    usual = replace(USUAL, negative_prompt="green")
    plain_picture = pixels(tiny_model, usual)[0]
    for change in ({"prompt": "a (red:1.6) circle"}, {"negative_prompt": "(green:1.6)"}):
        assert not np.array_equal(pixels(tiny_model, replace(usual, **change))[0], plain_picture)  # type: ignore[arg-type]
