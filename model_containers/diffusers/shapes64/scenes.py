"""What a picture of shapes-64 can show, and which of it training never sees.

A `Scene` is canonical: "a blue square to the right of a red circle" and "a red circle to the left of a
blue square" are one scene. So a held-out scene cannot leak into training under another wording.
"""

import hashlib
import random
from dataclasses import dataclass

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (225, 25, 30),
    "orange": (255, 140, 0),
    "yellow": (255, 230, 30),
    "green": (25, 155, 60),
    "blue": (25, 70, 225),
    "purple": (140, 40, 175),
    "white": (250, 250, 250),
    "grey": (140, 140, 140),
    "black": (15, 15, 15),
}
"""The palette: name to 8-bit sRGB."""

SHAPES = ("circle", "square", "triangle", "star")
PLACES = (
    "middle",
    "left",
    "right",
    "top",
    "bottom",
    "top left",
    "top right",
    "bottom left",
    "bottom right",
)
RELATIONS = ("left", "above")
"""How the first of two figures stands to the second; right and below are the same scenes told backwards."""

HELD_OUT_SHARE = 0.1
TWO_FIGURE_SHARE = 0.75
DEFAULT_BACKGROUND_SHARE = 0.3


@dataclass(frozen=True)
class Figure:
    """One coloured shape."""

    colour: str
    shape: str


@dataclass(frozen=True)
class Scene:
    """One or two figures on a background.

    `arrangement` is one of `PLACES` when there is one figure and one of `RELATIONS` when there are two.
    """

    background: str
    figures: tuple[Figure, ...]
    arrangement: str


def default_background(figures: tuple[Figure, ...]) -> str:
    """Return the background of a prompt that names none: white, or grey where a figure is white."""
    return "grey" if any(figure.colour == "white" for figure in figures) else "white"


def held_out(scene: Scene) -> bool:
    """Return whether the scene is kept from training: the same tenth on every machine and in every run."""
    words = [scene.background, scene.arrangement, *(f"{f.colour} {f.shape}" for f in scene.figures)]
    digest = hashlib.sha256("|".join(words).encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


def any_scene(rng: random.Random, two_figures: bool) -> Scene | None:
    """Draw a scene, held out or not; None where figures would be equal or have the background's colour."""
    figures = tuple(
        Figure(rng.choice(list(COLOURS)), rng.choice(SHAPES)) for _ in range(2 if two_figures else 1)
    )
    if two_figures and figures[0] == figures[1]:
        return None
    plain = rng.random() < DEFAULT_BACKGROUND_SHARE
    background = default_background(figures) if plain else rng.choice(list(COLOURS))
    if background in {figure.colour for figure in figures}:
        return None
    return Scene(background, figures, _arrangement(rng, two_figures))


def training_scene(rng: random.Random) -> Scene:
    """Draw a scene that training may see."""
    two_figures = rng.random() < TWO_FIGURE_SHARE
    while True:
        scene = any_scene(rng, two_figures)
        if scene is not None and not held_out(scene):
            return scene


def held_out_scene(rng: random.Random, two_figures: bool) -> Scene:
    """Draw a scene that training never sees."""
    while True:
        scene = any_scene(rng, two_figures)
        if scene is not None and held_out(scene):
            return scene


def _arrangement(rng: random.Random, two_figures: bool) -> str:
    if two_figures:
        return rng.choice(RELATIONS)
    return "middle" if rng.random() < 0.4 else rng.choice(PLACES)
