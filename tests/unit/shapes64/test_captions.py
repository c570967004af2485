"""Captions say what a scene shows, and no scene that is held out can come into training."""

import random

import pytest

from model_containers.diffusers.shapes64.captions import caption, plain_caption, vocabulary, wordless
from model_containers.diffusers.shapes64.scenes import (
    COLOURS,
    Figure,
    Scene,
    any_scene,
    default_background,
    held_out,
    held_out_scene,
    training_scene,
)

PAIR = Scene("yellow", (Figure("red", "circle"), Figure("blue", "square")), "left")


def captions_of(scene: Scene, count: int = 400) -> set[str]:
    rng = random.Random(0)
    return {caption(scene, rng) for _ in range(count)}


def test_the_split_is_the_same_in_every_run() -> None:
    rng = random.Random(12)
    scenes = [scene for scene in (any_scene(rng, two_figures=True) for _ in range(4000)) if scene]
    names = [f"{s.background} {s.arrangement} {s.figures}" for s in scenes if held_out(s)]
    assert 0.08 < len(names) / len(scenes) < 0.12
    assert held_out(Scene("white", (Figure("red", "circle"),), "middle"))
    assert not held_out(Scene("white", (Figure("red", "square"),), "middle"))


def test_training_never_draws_a_held_out_scene() -> None:
    rng = random.Random(1)
    kept_away = {held_out_scene(rng, two_figures=bool(i % 2)) for i in range(300)}
    seen = {training_scene(rng) for _ in range(5000)}
    assert not any(held_out(scene) for scene in seen)
    assert not kept_away & seen


def test_a_scene_told_backwards_is_the_same_scene() -> None:
    said = captions_of(PAIR)
    assert any("red circle to the left of the blue square" in words for words in said)
    assert any("a blue square to the right of a red circle" in words for words in said)


def test_a_figure_never_has_the_colour_of_its_background() -> None:
    rng = random.Random(2)
    for _ in range(2000):
        scene = training_scene(rng)
        assert scene.background not in {figure.colour for figure in scene.figures}
        assert len(set(scene.figures)) == len(scene.figures)


def test_every_caption_names_every_colour_that_is_not_the_default() -> None:
    rng = random.Random(3)
    for _ in range(2000):
        scene = training_scene(rng)
        words = caption(scene, rng).replace("gray", "grey").replace("violet", "purple").split()
        assert all(figure.colour in words for figure in scene.figures)
        if scene.background != default_background(scene.figures):
            assert scene.background in words


@pytest.mark.parametrize("words", ["a red circle", "red circle", "the red disc"])
def test_a_newcomers_short_prompt_is_one_of_a_scenes_captions(words: str) -> None:
    assert words in captions_of(Scene("white", (Figure("red", "circle"),), "middle"))


def test_blue_square_on_yellow_is_one_too() -> None:
    assert "blue square on yellow" in captions_of(Scene("yellow", (Figure("blue", "square"),), "middle"))


def test_the_default_background_is_white_unless_a_figure_is() -> None:
    assert default_background((Figure("red", "star"),)) == "white"
    assert default_background((Figure("red", "star"), Figure("white", "star"))) == "grey"


def test_the_plain_caption_leaves_nothing_out() -> None:
    assert plain_caption(PAIR) == "a red circle to the left of a blue square on a yellow background"


def test_the_vocabulary_holds_every_word_but_the_unknown_one() -> None:
    rng = random.Random(4)
    known = set(vocabulary())
    said = {word for _ in range(3000) for word in caption(training_scene(rng), rng).split()}
    assert said - known == {"zzz"}
    assert set(COLOURS) <= known
    assert {"a", "an"} <= known


def test_a_wordless_caption_has_no_known_word() -> None:
    rng = random.Random(5)
    assert {word for _ in range(200) for word in wordless(rng).split()} == {"zzz"}
