"""What the user sees: each process's lines behind its name, and the supervisor's own."""

from __future__ import annotations

from typing import TextIO

RESET, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
COLOURS = tuple(f"\x1b[{code}m" for code in (36, 35, 32, 33, 34, 96, 95, 92))
OWN = "evoke"


class Terminal:
    """Writes whole lines. Colours only where a person looks on (and NO_COLOR is unset)."""

    def __init__(self, stream: TextIO, names: tuple[str, ...], *, colour: bool) -> None:
        self._stream = stream
        self._colour = colour
        self._width = max(len(name) for name in (*names, OWN))
        self._colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
        self._broken = False

    def line(self, name: str, text: str) -> None:
        """Write a line that the process `name` wrote."""
        self._write(f"{self._painted(f'{name:<{self._width}} |', self._colours.get(name, BOLD))} {text}")

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own."""
        self._write(f"{self._painted(f'{OWN:<{self._width}} |', BOLD)} {self._painted(text, BOLD)}")

    def block(self, text: str) -> None:
        """Write lines as they are, with an empty one before and after."""
        self._write(f"\n{text}\n")

    def _painted(self, text: str, colour: str) -> str:
        return f"{colour}{text}{RESET}" if self._colour else text

    def _write(self, text: str) -> None:
        """Write; a terminal that has gone away is no reason to stop serving."""
        if self._broken:
            return
        try:
            print(text, file=self._stream, flush=True)
        except (OSError, ValueError):
            self._broken = True
