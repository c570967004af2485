"""The judge finds what is wrong with a picture, and finds nothing wrong with a right one.

Pictures here are painted pixel by pixel from inequalities, by other code than training's, and once by
training's own, so that the judge is known to accept what the model learns from.
"""

import random
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from model_containers.diffusers.shapes64.drawing import draw
from model_containers.diffusers.shapes64.scenes import PLACES, training_scene
from tests.unit.shapes64.expectations import judge
from tests.unit.shapes64.geometry import regions, shape_of
from tests.unit.shapes64.judge import PALETTE, Expected, faults

SHAPES = ("circle", "square", "triangle", "star")
ROWS, COLUMNS = np.mgrid[0:64, 0:64]
PAIR = Expected("yellow", (("red", "circle"), ("blue", "square")), "left")
ALONE = Expected("white", (("green", "triangle"),), "middle")


def covered(shape: str, x: float, y: float, radius: float) -> NDArray[np.bool_]:
    right, down = COLUMNS - x, ROWS - y
    if shape == "circle":
        return np.asarray(right**2 + down**2 <= radius**2)
    if shape == "square":
        return np.asarray((abs(right) <= radius) & (abs(down) <= radius))
    if shape == "triangle":
        return np.asarray((down <= radius) & (abs(right) <= (down + radius) * 0.58))
    return star(right / radius, down / radius)


def star(right: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Count the sides of a five-pointed star that lie to the right of each pixel: inside, they are odd."""
    turns = np.arange(10) * np.pi / 5 - np.pi / 2
    reach = np.where(np.arange(10) % 2, 0.6, 1.35)
    x, y = reach * np.cos(turns), reach * np.sin(turns)
    inside = np.zeros(right.shape, bool)
    for x1, y1, x2, y2 in zip(x, y, np.roll(x, 1), np.roll(y, 1), strict=True):
        between = (y1 > down) != (y2 > down)
        inside ^= between & (right < x1 + (down - y1) * (x2 - x1) / (y2 - y1 + 1e-12))
    return inside


def paint(background: str, *figures: tuple[str, str, float, float, float]) -> NDArray[np.uint8]:
    """Paint (colour, shape, x, y, radius) one over the other."""
    picture = np.full((64, 64, 3), PALETTE[background], np.uint8)
    for colour, *where in figures:
        picture[covered(*where)] = PALETTE[colour]  # type: ignore[arg-type]  # one str and three floats
    return picture


def kinds(picture: NDArray[np.uint8], expected: Expected) -> set[str]:
    return {fault.kind for fault in faults(picture, expected)}


RED_CIRCLE = ("red", "circle", 16.0, 32.0, 10.0)
BLUE_SQUARE = ("blue", "square", 48.0, 32.0, 9.0)


def test_a_right_pair_has_no_faults() -> None:
    assert faults(paint("yellow", RED_CIRCLE, BLUE_SQUARE), PAIR) == []


def test_a_right_single_figure_has_no_faults() -> None:
    assert faults(paint("white", ("green", "triangle", 31.5, 31.5, 12.0)), ALONE) == []


@pytest.mark.parametrize("colour", [colour for colour in PALETTE if colour != "yellow"])
def test_a_wrong_background_is_found(colour: str) -> None:
    figures = [figure for figure in (RED_CIRCLE, BLUE_SQUARE) if figure[0] != colour]
    assert kinds(paint(colour, *figures), PAIR) == {"background"}


def test_a_background_of_two_colours_is_found() -> None:
    picture = paint("yellow", RED_CIRCLE, BLUE_SQUARE)
    picture[:, 60:] = PALETTE["green"]
    assert kinds(picture, PAIR) == {"background"}


def test_a_muddy_background_is_found() -> None:
    picture = paint("yellow", RED_CIRCLE, BLUE_SQUARE)
    picture[(picture == PALETTE["yellow"]).all(axis=-1)] = (200, 190, 90)
    assert kinds(picture, PAIR) == {"background"}


@pytest.mark.parametrize("colour", [colour for colour in PALETTE if colour not in ("red", "yellow")])
def test_a_wrong_colour_is_found(colour: str) -> None:
    assert kinds(paint("yellow", (colour, *RED_CIRCLE[1:]), BLUE_SQUARE), PAIR) == {"colour"}


def test_a_figure_of_two_colours_is_found() -> None:
    picture = paint("yellow", RED_CIRCLE, BLUE_SQUARE)
    picture[:30][covered(*RED_CIRCLE[1:])[:30]] = PALETTE["blue"]
    assert kinds(picture, PAIR) == {"colour"}


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "circle"])
def test_a_wrong_shape_is_found(shape: str) -> None:
    assert kinds(paint("yellow", ("red", shape, 16.0, 32.0, 10.0), BLUE_SQUARE), PAIR) == {"shape"}


def test_swapped_places_are_found() -> None:
    picture = paint("yellow", ("blue", "square", 16.0, 32.0, 9.0), ("red", "circle", 48.0, 32.0, 10.0))
    assert kinds(picture, PAIR) == {"colour", "shape"}


def test_figures_one_above_the_other_instead_of_beside_are_found() -> None:
    picture = paint("yellow", ("red", "circle", 31.0, 16.0, 10.0), ("blue", "square", 33.0, 48.0, 9.0))
    assert kinds(picture, PAIR) == {"place"}
    assert faults(picture, replace(PAIR, arrangement="above")) == []


def test_a_missing_figure_is_found() -> None:
    assert kinds(paint("yellow", RED_CIRCLE), PAIR) == {"count"}
    assert kinds(paint("yellow"), PAIR) == {"count"}


def test_a_figure_too_many_is_found() -> None:
    third = ("red", "square", 32.0, 8.0, 3.0)
    assert kinds(paint("yellow", RED_CIRCLE, BLUE_SQUARE, third), PAIR) == {"count"}


def test_touching_figures_are_not_two() -> None:
    assert kinds(paint("yellow", RED_CIRCLE, ("blue", "square", 32.0, 32.0, 9.0)), PAIR) == {"count"}


def test_a_speck_of_dust_is_no_figure() -> None:
    picture = paint("yellow", RED_CIRCLE, BLUE_SQUARE)
    picture[4:7, 30:33] = PALETTE["white"]
    assert faults(picture, PAIR) == []


@pytest.mark.parametrize(
    ("place", "x", "y"),
    [
        ("left", 14, 32),
        ("top right", 48, 15),
        ("bottom", 31, 50),
        ("middle", 31, 31),
        ("bottom left", 14, 48),
    ],
)
def test_a_place_is_recognised_and_told_from_every_other(place: str, x: float, y: float) -> None:
    picture = paint("white", ("green", "circle", x, y, 9.0))
    for asked in PLACES:
        found = kinds(picture, Expected("white", (("green", "circle"),), asked))
        assert found == (set() if asked == place else {"place"})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [8.0, 11.0, 14.0, 17.0])
def test_a_shape_is_recognised_at_every_size(shape: str, radius: float) -> None:
    region = max(regions(covered(shape, 31.3, 31.8, radius)), key=lambda part: part.area)
    assert shape_of(region) == shape


@pytest.mark.parametrize(
    "mask",
    [
        (abs(COLUMNS - 32) <= 15) & (abs(ROWS - 32) <= 8),
        abs(COLUMNS - 32) + abs(ROWS - 32) <= 12,
        (abs(COLUMNS - 32) <= 4) & (abs(ROWS - 32) <= 12) | (abs(COLUMNS - 32) <= 12) & (abs(ROWS - 32) <= 4),
        covered("triangle", 32, 32, 12)[::-1],
        ((COLUMNS - 32) ** 2 + (ROWS - 32) ** 2 <= 144) & (COLUMNS <= 34),
    ],
    ids=["oblong", "diamond", "cross", "triangle on its tip", "half disc"],
)
def test_other_shapes_are_unclear(mask: NDArray[np.bool_]) -> None:
    [region] = regions(mask)
    assert shape_of(region) == "unclear"


def test_noise_is_not_taken_for_a_picture() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert faults(noise, PAIR)


def test_the_pictures_that_training_draws_are_right() -> None:
    rng = random.Random(3)
    scenes = [training_scene(rng) for _ in range(300)]
    pictures = ((draw(scenes, rng).transpose(0, 2, 3, 1) + 1) * 127.5).round().astype(np.uint8)
    wrong = [scene for scene, picture in zip(scenes, pictures, strict=True) if judge(picture, scene)]
    assert len(wrong) <= 1


def test_a_training_picture_is_wrong_for_every_other_scene() -> None:
    rng = random.Random(4)
    scenes = list({training_scene(rng) for _ in range(25)})
    pictures = ((draw(scenes, rng).transpose(0, 2, 3, 1) + 1) * 127.5).round().astype(np.uint8)
    for index, picture in enumerate(pictures):
        assert all(judge(picture, scene) for scene in scenes[:index] + scenes[index + 1 :])
