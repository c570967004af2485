"""Prints the tables of docs/scale.md: `python -m bench.scale [--write | --check]`.

`--write` puts them into the page; `--check` writes nothing, and the exit code is 1 when the page is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.scale.page import TABLES, filled

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"


def main(arguments: Sequence[str]) -> int:
    """Print, write or compare; returns the exit code."""
    if "--write" not in arguments and "--check" not in arguments:
        print("\n".join(table() for table in TABLES.values()))
        return 0
    page = PAGE.read_text(encoding="utf-8")
    wanted = filled(page)
    if "--write" in arguments:
        PAGE.write_text(wanted, encoding="utf-8")
    elif page != wanted:
        print(f"{PAGE.name} is out of date: run `make docs` and commit it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
