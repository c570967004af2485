"""Writes README.md of every Terraform module from its own code: `python -m infrastructure.terraform.module_pages`.

With `--check` nothing is written; the exit code is 1 when a page is out of date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
_BLOCK = r'^{kind} "(\w+)" \{{\n(.*?)^\}}'
_FIELD = r"^  {name}\s*=\s*(.+?)(?=^  \w+\s*=|^  validation|\Z)"
MARK = "<!-- Written by `make docs` from the module's code. Do not edit. -->"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` compare them; returns the exit code."""
    outdated = []
    for module in modules():
        text, target = page(module), module / "README.md"
        if "--check" not in arguments:
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            outdated.append(str(target.relative_to(FOLDER)))
    for path in outdated:
        print(f"{path} is out of date: run `make docs` and commit it", file=sys.stderr)
    return 1 if outdated else 0


def modules() -> list[Path]:
    """The folders of all modules and roots."""
    return sorted(path.parent for path in FOLDER.rglob("main.tf") if ".terraform" not in path.parts)


def page(module: Path) -> str:
    """The page of one module: what its code begins with, its variables, its outputs."""
    first = (module / "main.tf").read_text().splitlines()
    told = [
        line.removeprefix("# ")
        for line in first[: next(i for i, line in enumerate(first) if line[:1] != "#")]
    ]
    variables = "".join(
        f"| `{name}` | {_in_line(body, 'type')} | {_in_line(body, 'default') or 'needed'} | {_text(body)} |\n"
        for name, body in blocks(module / "variables.tf", "variable")
    )
    outputs = "".join(
        f"| `{name}` | {_text(body)} |\n" for name, body in blocks(module / "outputs.tf", "output")
    )
    return (
        f"# {module.relative_to(FOLDER)}\n\n{MARK}\n\n{' '.join(told)}\n\n"
        f"| variable | type | default | meaning |\n|---|---|---|---|\n{variables}\n"
        f"| output | meaning |\n|---|---|\n{outputs}"
    )


def blocks(file: Path, kind: str) -> list[tuple[str, str]]:
    """The blocks of a kind with their names, in order."""
    found: list[tuple[str, str]] = re.findall(
        _BLOCK.format(kind=kind), file.read_text(), re.DOTALL | re.MULTILINE
    )
    return found


def _in_line(body: str, name: str) -> str:
    found = re.search(_FIELD.format(name=name), body, re.DOTALL | re.MULTILINE)
    return f"`{' '.join(found[1].split())}`" if found else ""


def _text(body: str) -> str:
    found = re.search(r'^  description\s*=\s*"(.*)"$', body, re.MULTILINE)
    return found[1].replace("|", "&#124;") if found else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
