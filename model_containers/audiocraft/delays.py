"""The delay pattern: codebook k is written k columns later, so that it can go by the codebooks before it.

A window of `frames` frames is a table of frames + books columns: column 0 is the start, and code t of codebook k stands
in column t + k + 1. What stands nowhere is the decoder's padding. Copet et al., "Simple and Controllable Music
Generation", 2023.
"""

from __future__ import annotations

import torch


def columns_of(frames: int, books: int) -> int:
    """Columns of a window's table."""
    return frames + books


def table(codes: torch.Tensor, frames: int, padding: int) -> torch.Tensor:
    """Lay out known codes of shape (..., books, known) for a window of `frames` frames: (..., books, columns)."""
    *rows, books, known = codes.shape
    laid = torch.full((*rows, books, columns_of(frames, books)), padding, dtype=codes.dtype)
    for book in range(books):
        laid[..., book, book + 1 : book + 1 + known] = codes[..., book, :]
    return laid


def frame_of(column: int, book: int) -> int:
    """The frame whose code stands in this place; below 0 and from the window's length on there is none."""
    return column - 1 - book


def frames_done(column: int, books: int) -> int:
    """Frames of which every code is known once this column is."""
    return max(0, column - books + 1)
