"""The delay pattern: codebook k is written some columns later, so that it can go by the codebooks before it.

A window of `frames` frames is a table of frames + 1 + longest delay columns: column 0 is the start, and code t of a
codebook that is d columns late stands in column t + d + 1. What stands nowhere is the decoder's padding. Copet et al.,
"Simple and Controllable Music Generation", 2023.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def delays_of(books: int, channels: int) -> tuple[int, ...]:
    """How many columns late each codebook is: one more each, and those of the channels side by side."""
    return tuple(book // channels for book in range(books))


def columns_of(frames: int, delays: Sequence[int]) -> int:
    """Columns of a window's table."""
    return frames + 1 + max(delays)


def table(codes: torch.Tensor, frames: int, delays: Sequence[int], padding: int) -> torch.Tensor:
    """Lay out known codes of shape (..., books, known) for a window of `frames` frames: (..., books, columns)."""
    *rows, books, known = codes.shape
    laid = torch.full((*rows, books, columns_of(frames, delays)), padding, dtype=codes.dtype)
    for book, delay in enumerate(delays):
        laid[..., book, delay + 1 : delay + 1 + known] = codes[..., book, :]
    return laid


def frame_of(column: int, delay: int) -> int:
    """The frame whose code stands in this place; below 0 and from the window's length on there is none."""
    return column - 1 - delay


def frames_done(column: int, delays: Sequence[int]) -> int:
    """Frames of which every code is known once this column is."""
    return max(0, column - max(delays))
