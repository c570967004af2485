"""Regions of a black-and-white picture and the shape that each has, from areas and radii alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Connected pixels: a mask of the whole picture's shape, and their centre in pixels."""

    mask: Mask
    x: float
    y: float

    @property
    def area(self) -> int:
        """Return the number of pixels."""
        return int(self.mask.sum())

    def core(self) -> Mask:
        """Return the pixels whose eight neighbours belong to the region too: those free of soft edges."""
        padded = np.pad(self.mask, 1)
        height, width = self.mask.shape
        core = self.mask.copy()
        for down in range(3):
            for right in range(3):
                core &= padded[down : down + height, right : right + width]
        return core


def regions(mask: Mask) -> list[Region]:
    """Return the regions of a mask, neighbours being the pixels above, below and beside."""
    left = mask.copy()
    found = []
    while left.any():
        first = np.argwhere(left)[0]
        part = np.zeros_like(mask)
        stack = [(int(first[0]), int(first[1]))]
        while stack:
            row, column = stack.pop()
            inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
            if not inside or not left[row, column]:
                continue
            left[row, column], part[row, column] = False, True
            stack += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        rows, columns = np.nonzero(part)
        found.append(Region(part, float(columns.mean()), float(rows.mean())))
    return found


def shape_of(region: Region) -> str:
    """Return "circle", "square", "triangle", "star", or "unclear".

    A square fills its bounding box, a circle 79 % of it, a triangle half; a star fills about half of its
    convex hull, which the others fill, and has five rays.
    """
    rows, columns = np.nonzero(region.mask)
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    if not 0.72 <= width / height <= 1.4 or min(width, height) < 8:
        return "unclear"
    box_share = region.area / (width * height)
    hull_share = region.area / _hull_area(rows, columns)
    if hull_share < 0.78:
        return "star" if _rays(region) == 5 else "unclear"
    if box_share > 0.92:
        return "square"
    if 0.69 <= box_share <= 0.87 and _roundness(region) < 0.07:
        return "circle"
    low = region.y - (rows.min() + rows.max()) / 2
    if 0.42 <= box_share <= 0.66 and low > 0.08 * height:
        return "triangle"
    return "unclear"


def _hull_area(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> float:
    """Return the area of the convex hull of pixels, corners included (Andrew's monotone chain)."""
    points = []
    for row in np.unique(rows):
        across = columns[rows == row]
        ends = int(across.min()), int(across.max()) + 1
        points += [(end, int(row) + edge) for end in ends for edge in (0, 1)]
    points.sort()
    hull = _half_hull(points) + _half_hull(points[::-1])
    pairs = zip(hull, hull[1:] + hull[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def _half_hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    chain: list[tuple[int, int]] = []
    for point in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain[:-1]


def _turn(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _radii(region: Region, directions: int = 72) -> NDArray[np.float64]:
    """Return how far the region reaches from its centre in each direction, in pixels."""
    angles = np.arange(directions) * 2 * np.pi / directions
    steps = np.arange(0.0, 40.0, 0.25)
    rows = np.rint(region.y + steps[:, None] * np.sin(angles)).astype(int)
    columns = np.rint(region.x + steps[:, None] * np.cos(angles)).astype(int)
    height, width = region.mask.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    hit = inside & region.mask[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    reach: NDArray[np.float64] = np.where(hit, steps[:, None], 0.0).max(axis=0)
    return reach


def _roundness(region: Region) -> float:
    """Return the spread of the radii as a share of their mean: 0 for a circle, 0.12 for a square."""
    radii = _radii(region)
    return float(radii.std() / radii.mean())


def _rays(region: Region) -> int:
    """Return how many rays the outline has: its strongest rhythm around the centre."""
    strength = np.abs(np.fft.rfft(_radii(region)))
    return int(np.argmax(strength[2:9])) + 2
