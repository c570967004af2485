"""`python -m infrastructure.observability.generate [--check]`: writes rules and dashboards from their code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from infrastructure.observability import objectives
from infrastructure.observability.dashboards.all import DASHBOARDS
from infrastructure.observability.dashboards.writing import json_of

FOLDER = Path(__file__).parent
_HEADER = "# Written by `make docs` from infrastructure/observability/objectives.py. Do not edit.\n"


def files() -> Mapping[Path, str]:
    """Every generated file with its content."""
    rules = _HEADER + yaml.safe_dump(objectives.rules(), sort_keys=False, width=110)
    found = {FOLDER / "rules" / "objectives.yaml": rules}
    for dashboard in DASHBOARDS:
        found[FOLDER / "grafana" / f"{dashboard.uid}.json"] = json_of(dashboard)
    return found


def main() -> int:
    """Write the files, or with --check tell which are out of date (exit code 1)."""
    parser = argparse.ArgumentParser(
        prog="python -m infrastructure.observability.generate", description=__doc__
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    check = parser.parse_args().check
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(FOLDER.parents[1])} is out of date: make docs", file=sys.stderr)
        else:
            path.write_text(files()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
