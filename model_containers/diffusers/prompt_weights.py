"""Weights in a prompt, as the Stable Diffusion web UIs write them: `(word)`, `((word))`, `(word:1.3)`, `[word]`, `\\(`.

Round brackets weigh what is in them 1.1 times, or as many times as the number after a colon says; square ones
divide by 1.1; they nest. A backslash before a bracket or a backslash takes it literally. What is malformed is literal,
too: a colon whose number is none, a bracket that closes nothing. A bracket that is never closed holds the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

ROUND = 1.1
SQUARE = 1 / 1.1
_PART = re.compile(r"\\[()\[\]\\]|\\|[()\[\]]|:\s*([+-]?[.\d]+)\s*\)|[^\\()\[\]:]+|:", re.ASCII)


@dataclass(frozen=True)
class Piece:
    """A part of a prompt, without brackets, and its weight."""

    text: str
    weight: float = 1.0


class _Reader:
    """The pieces so far, and where the brackets that are open began."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.weights: list[float] = []
        self.round: list[int] = []
        self.square: list[int] = []

    def add(self, text: str) -> None:
        self.texts.append(text)
        self.weights.append(1.0)

    def close(self, start: int, factor: float) -> None:
        for place in range(start, len(self.weights)):
            self.weights[place] *= factor

    def take(self, found: re.Match[str]) -> None:
        read = found[0]
        weight = _number(found[1]) if found[1] and self.round else None
        if weight is not None:
            self.close(self.round.pop(), weight)
        elif found[1] and self.round:
            self.add(read[:-1])  # no number after all: the bracket closes like any other
            self.close(self.round.pop(), ROUND)
        elif read[0] == "\\":
            self.add(read[1:])
        elif read == "(":
            self.round.append(len(self.texts))
        elif read == "[":
            self.square.append(len(self.texts))
        elif read == ")" and self.round:
            self.close(self.round.pop(), ROUND)
        elif read == "]" and self.square:
            self.close(self.square.pop(), SQUARE)
        else:
            self.add(read)


def parse(prompt: str) -> tuple[Piece, ...]:
    """The pieces of a prompt in order, neighbours of one weight joined; none for a prompt without text."""
    reader = _Reader()
    for found in _PART.finditer(prompt):
        reader.take(found)
    for start in reader.round:
        reader.close(start, ROUND)
    for start in reader.square:
        reader.close(start, SQUARE)
    return _joined(zip(reader.texts, reader.weights, strict=True))


def plain(prompt: str) -> str:
    """The prompt as it is read: without brackets and weights."""
    return "".join(piece.text for piece in parse(prompt))


def _joined(pieces: Iterable[tuple[str, float]]) -> tuple[Piece, ...]:
    kept = [(text, weight) for text, weight in pieces if text]
    runs = groupby(kept, key=lambda piece: piece[1])
    return tuple(Piece("".join(text for text, _ in run), weight) for weight, run in runs)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
