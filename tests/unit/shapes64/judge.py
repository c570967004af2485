"""Looks at the pixels of a picture and says what is wrong with it, given what it should show.

Knows nothing of how training draws: it has its own palette and takes shapes by their geometry.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.unit.shapes64.geometry import Region, regions, shape_of

PALETTE = {
    "red": (220, 30, 30),
    "orange": (255, 140, 10),
    "yellow": (250, 225, 40),
    "green": (30, 150, 60),
    "blue": (30, 70, 220),
    "purple": (140, 40, 170),
    "white": (250, 250, 250),
    "grey": (140, 140, 140),
    "black": (15, 15, 15),
}
COLOUR_TOLERANCE = 60.0
"""How far, in RGB steps, a surface's mean may lie from its colour."""

SPECK_PX = 16
"""Regions with fewer pixels are dust, not shapes."""

BORDER_PX = 2
BORDER_SHARE = 0.9
ASIDE_PX = 8
"""How far off the middle a figure stands when it is asked for at a side."""


@dataclass(frozen=True)
class Expected:
    """What a picture should show: figures as (colour, shape) from left to right or top to bottom.

    `arrangement` is a place ("middle", "left", "top right", ...) for one figure, "left" or "above" for two.
    """

    background: str
    figures: tuple[tuple[str, str], ...]
    arrangement: str


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: "background", "count", "colour", "shape" or "place", and the details."""

    kind: str
    detail: str


def faults(picture: NDArray[np.uint8], expected: Expected) -> list[Fault]:
    """Return what is wrong with a picture of shape (64, 64, 3); an empty list means that it is right."""
    labels = _nearest(picture)
    background = _background(labels)
    if background != expected.background or not _pure(picture, labels == _index(background), background):
        return [Fault("background", f"{background} instead of {expected.background}")]
    seen = [region for region in regions(labels != _index(background)) if region.area >= SPECK_PX]
    if len(seen) != len(expected.figures):
        return [Fault("count", f"{len(seen)} shapes instead of {len(expected.figures)}")]
    across = len(seen) == 2 and expected.arrangement == "left"
    seen.sort(key=lambda region: region.x if across else region.y)
    found: list[Fault] = []
    for region, (colour, shape) in zip(seen, expected.figures, strict=True):
        found += _figure_faults(picture, labels, region, colour, shape)
    return found + _place_faults(seen, expected.arrangement)


def _nearest(picture: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return for each pixel the index of the nearest palette colour, of shape (64, 64)."""
    palette = np.array(list(PALETTE.values()), np.float32)
    apart = np.linalg.norm(picture[:, :, None, :].astype(np.float32) - palette, axis=-1)
    nearest: NDArray[np.intp] = np.argmin(apart, axis=-1)
    return nearest


def _index(colour: str | None) -> int:
    return -1 if colour is None else list(PALETTE).index(colour)


def _background(labels: NDArray[np.intp]) -> str | None:
    """Return the colour of nearly all of the border, None where the border has no one colour."""
    inner = labels[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    border = Counter(labels.ravel().tolist())
    border.subtract(Counter(inner.ravel().tolist()))
    index, count = border.most_common(1)[0]
    return list(PALETTE)[index] if count >= BORDER_SHARE * border.total() else None


def _pure(picture: NDArray[np.uint8], where: NDArray[np.bool_], colour: str | None) -> bool:
    """Return whether a surface's mean is near its colour."""
    mean = picture[where].astype(np.float32).mean(axis=0)
    return colour is not None and float(np.linalg.norm(mean - PALETTE[colour])) <= COLOUR_TOLERANCE


def _figure_faults(
    picture: NDArray[np.uint8], labels: NDArray[np.intp], region: Region, colour: str, shape: str
) -> list[Fault]:
    found = []
    core = region.core()
    share = float(np.mean(labels[core] == _index(colour))) if core.any() else 0.0
    if share < 0.8 or not _pure(picture, core, colour):
        found.append(Fault("colour", f"{share:.0%} of the {colour} {shape} is {colour}"))
    seen = shape_of(region)
    if seen != shape:
        found.append(Fault("shape", f"{seen} instead of {shape}"))
    return found


def _place_faults(seen: list[Region], arrangement: str) -> list[Fault]:
    if len(seen) == 2:
        right, down = seen[1].x - seen[0].x, seen[1].y - seen[0].y
        along, aside = (right, down) if arrangement == "left" else (down, right)
        in_place = along > ASIDE_PX and abs(aside) < along
    else:
        in_place = _third(seen[0].x, "left", "right", arrangement) and _third(
            seen[0].y, "top", "bottom", arrangement
        )
    where = ", ".join(f"({region.x:.0f}, {region.y:.0f})" for region in seen)
    return [] if in_place else [Fault("place", f"{where} for {arrangement}")]


def _third(position: float, low: str, high: str, arrangement: str) -> bool:
    """Return whether a centre lies in the third of the picture that is asked for, by default the middle."""
    offset = position - 31.5
    if low in arrangement:
        return offset < -ASIDE_PX
    return offset > ASIDE_PX if high in arrangement else abs(offset) <= ASIDE_PX
