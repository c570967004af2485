"""Figures as a table for people and JSON for machines."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure. aim: what we want, as text; met: whether it was, None where there is no aim."""

    name: str
    value: float
    unit: str
    peer: float | None = None
    aim: str = ""
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        """value : peer."""
        return self.value / self.peer if self.peer else None


def print_table(figures: Sequence[Figure]) -> None:
    """Print a Markdown table."""
    print("| figure | evoke | peer | ratio | aim | met |")
    print("|---|---:|---:|---:|---|---|")
    for figure in figures:
        peer = "" if figure.peer is None else f"{figure.peer:,.2f} {figure.unit}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}×"
        met = {True: "yes", False: "**no**", None: ""}[figure.met]
        print(
            f"| {figure.name} | {figure.value:,.2f} {figure.unit} | {peer} | {ratio} | {figure.aim} | {met} |"
        )


def write_json(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures and what machine they were measured on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    document = {"machine": machine, "figures": msgspec.to_builtins(list(figures))}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
