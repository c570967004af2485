"""Drawn pictures have the shape, range and colours that training relies on."""

import random

import numpy as np

from model_containers.diffusers.shapes64.drawing import draw, place
from model_containers.diffusers.shapes64.scenes import COLOURS, Figure, Scene, training_scene


def test_a_batch_has_the_documented_shape_and_range() -> None:
    rng = random.Random(0)
    pictures = draw([training_scene(rng) for _ in range(5)], rng)
    assert pictures.shape == (5, 3, 64, 64)
    assert pictures.dtype == np.float32
    assert pictures.min() >= -1.0
    assert pictures.max() <= 1.0


def test_background_and_figure_have_exactly_their_colours() -> None:
    scene = Scene("blue", (Figure("yellow", "square"),), "middle")
    [picture] = draw([scene], random.Random(0))
    colours = ((picture + 1) * 127.5).round().astype(int)
    assert tuple(colours[:, 0, 0]) == COLOURS["blue"]
    assert tuple(colours[:, 32, 32]) == COLOURS["yellow"]


def test_the_same_seed_draws_the_same_picture() -> None:
    scene = training_scene(random.Random(6))
    assert np.array_equal(draw([scene], random.Random(7)), draw([scene], random.Random(7)))
    assert not np.array_equal(draw([scene], random.Random(7)), draw([scene], random.Random(8)))


def test_figures_lie_inside_the_picture_and_apart() -> None:
    rng = random.Random(9)
    for _ in range(500):
        placed = place(training_scene(rng), rng)
        for figure in placed:
            assert 0 < figure.x - figure.radius < figure.x + figure.radius < 64
            assert 0 < figure.y - figure.radius < figure.y + figure.radius < 64
        if len(placed) == 2:
            one, other = placed
            apart = max(abs(one.x - other.x), abs(one.y - other.y))
            assert apart > one.radius + other.radius
