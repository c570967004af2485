"""Writes docs/settings.md from `evoke/settings.py`: `python -m evoke.settings_table [--check]`.

With `--check` nothing is written; the exit code is 1 when the page is out of date.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from evoke.settings import PREFIX, Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

<!-- Written by `make docs` from evoke/settings.py. Do not edit. -->

Every process reads its settings from environment variables when it starts. A value that is not allowed stops
the start: the message names the variable, the value and what is allowed, and the exit code is 2.
Sizes are in bytes, durations in seconds.

| variable | default | allowed | meaning |
|---|---|---|---|
"""
_TYPES = {
    int: "whole number",
    float: "number",
    str: "text",
    SecretStr: "secret text",
    Path: "path",
    bool: "true, false",
    types.NoneType: "unset",
}
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` compare it; returns the exit code."""
    text = page()
    if "--check" not in arguments:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.name} is out of date: run `make docs` and commit it", file=sys.stderr)
    return 1


def page() -> str:
    """The whole page: one row for each setting, in the order of the code."""
    return HEAD + "".join(row(name, field) for name, field in Settings.model_fields.items())


def row(name: str, field: FieldInfo) -> str:
    """One setting as a row of the table."""
    cells = (f"`{PREFIX}{name.upper()}`", default_of(field), allowed(field), field.description or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def default_of(field: FieldInfo) -> str:
    """The default as it would be typed; an em dash for a setting that is unset or empty."""
    value = field.default
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) and value < 1e6 else f"`{value}`"


def allowed(field: FieldInfo) -> str:
    """What values a setting takes: its words, or its type and bounds."""
    bounds = [
        f"{sign} {_number(getattr(limit, name))}"
        for limit in field.metadata
        for name, sign in _SIGNS.items()
        if hasattr(limit, name)
    ]
    return ", ".join([_type(field.annotation), *bounds])


def _type(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in typing.get_args(annotation))
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(part) for part in typing.get_args(annotation))
    return _TYPES.get(annotation, str(annotation))


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
