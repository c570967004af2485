"""Draws scenes as 64x64 pictures: flat colours, edges one pixel soft, sizes and places a little at random."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_containers.diffusers.shapes64.scenes import COLOURS, Scene

SIZE_PX = 64


@dataclass(frozen=True)
class Placed:
    """A figure with its centre and radius in pixels; the radius is that of the circle with a like area."""

    shape: str
    colour: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class _Outline:
    """A regular polygon or star: `corners` at `reach` radii, the notches between them at `notch` radii."""

    corners: int
    reach: float
    notch: float
    turn: float
    drop: float


# A notch on the straight line between two corners (reach * cos(pi / corners)) makes a polygon.
# `turn` is the angle of a corner, `drop` lowers the centre so that the picture looks centred.
_OUTLINES = {
    "square": _Outline(4, 1.28, 1.28 * math.cos(math.pi / 4), math.pi / 4, 0.0),
    "triangle": _Outline(3, 1.4, 1.4 * math.cos(math.pi / 3), -math.pi / 2, 0.28),
    "star": _Outline(5, 1.36, 0.62, -math.pi / 2, 0.08),
}


def place(scene: Scene, rng: random.Random) -> list[Placed]:
    """Choose sizes and positions in pixels for the scene's figures."""
    alone = len(scene.figures) == 1
    spots = [_single_spot(scene.arrangement, rng)] if alone else _pair_spots(scene.arrangement, rng)
    return [
        Placed(figure.shape, figure.colour, *spot) for figure, spot in zip(scene.figures, spots, strict=True)
    ]


def draw(scenes: Sequence[Scene], rng: random.Random) -> NDArray[np.float32]:
    """Draw a batch of scenes.

    Returns:
        float32 of shape (batch, 3, 64, 64), sRGB from -1 to 1.
    """
    pictures = np.empty((len(scenes), 3, SIZE_PX, SIZE_PX), np.float32)
    for index, scene in enumerate(scenes):
        pictures[index] = _rgb(scene.background)
        for figure in place(scene, rng):
            pictures[index] += _coverage(figure) * (_rgb(figure.colour) - pictures[index])
    return pictures


def _rgb(colour: str) -> NDArray[np.float32]:
    return (np.array(COLOURS[colour], np.float32) / 127.5 - 1.0)[:, None, None]


_ROWS, _COLUMNS = np.meshgrid(
    np.arange(SIZE_PX, dtype=np.float32) + 0.5, np.arange(SIZE_PX, dtype=np.float32) + 0.5, indexing="ij"
)


def _coverage(figure: Placed) -> NDArray[np.float32]:
    """Return how much of each pixel the figure covers, 0 to 1, from the signed distance to its edge."""
    outline = _OUTLINES.get(figure.shape)
    x = _COLUMNS - figure.x
    if outline is None:
        distance = np.hypot(x, _ROWS - figure.y) - figure.radius
    else:
        distance = _distance(x, _ROWS - figure.y - outline.drop * figure.radius, outline, figure.radius)
    cover: NDArray[np.float32] = np.clip(0.5 - distance, 0.0, 1.0)
    return cover


def _distance(
    x: NDArray[np.float32], y: NDArray[np.float32], outline: _Outline, radius: float
) -> NDArray[np.floating]:
    """Return the distance in pixels to the outline's line in the sector that each pixel folds into."""
    half_sector = math.pi / outline.corners
    angle = np.arctan2(y, x) - outline.turn
    folded = np.abs((angle + half_sector) % (2 * half_sector) - half_sector)
    reach, notch = outline.reach * radius, outline.notch * radius
    edge_x, edge_y = notch * math.cos(half_sector) - reach, notch * math.sin(half_sector)
    length = math.hypot(edge_x, edge_y)
    span = np.hypot(x, y)
    return (edge_y * (span * np.cos(folded) - reach) - edge_x * span * np.sin(folded)) / length


def _single_spot(where: str, rng: random.Random) -> tuple[float, float, float]:
    """Return centre and radius in pixels of a figure that stands alone."""
    radius = rng.uniform(12.5, 15.5) if where == "middle" else rng.uniform(9.0, 10.5)
    near, middle, far = 17.0, SIZE_PX / 2, SIZE_PX - 17.0
    x = near if "left" in where else far if "right" in where else middle
    y = near if "top" in where else far if "bottom" in where else middle
    return x + rng.uniform(-1.0, 1.0), y + rng.uniform(-1.0, 1.0), radius


def _pair_spots(relation: str, rng: random.Random) -> list[tuple[float, float, float]]:
    """Return centres and radii of two figures apart along one axis and near each other on the other."""
    radii = rng.uniform(8.8, 10.2), rng.uniform(8.8, 10.2)
    half_apart = rng.uniform(15.0, 16.0)
    along = SIZE_PX / 2 + rng.uniform(-0.7, 0.7)
    spots = []
    for side, radius in zip((-1, 1), radii, strict=True):
        first, second = along + side * half_apart, SIZE_PX / 2 + rng.uniform(-1.0, 1.0)
        x, y = (first, second) if relation == "left" else (second, first)
        spots.append((x, y, radius))
    return spots
