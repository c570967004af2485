"""`python -m infrastructure.observability`: Prometheus and dashboards beside an evoke on this machine."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from infrastructure.observability.local import Scraping
from infrastructure.observability.pages import DASHBOARDS


def main() -> int:
    """Become Prometheus; return 2 where that can't be."""
    parser = argparse.ArgumentParser(prog="make observability", description=__doc__)
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("EVOKE_DATA_DIR", "data")),
        help="folder of the evoke that is looked at (EVOKE_DATA_DIR, else ./data)",
    )
    parser.add_argument("--address", default="127.0.0.1:9090", help="where Prometheus listens")
    parser.add_argument("--every", default="5s", help="how often figures are fetched")
    options = parser.parse_args()
    scraping = Scraping(options.data_dir.resolve(), options.address, options.every)
    program = shutil.which("prometheus")
    if program is None:
        print("There is no prometheus here. On Debian: apt-get install prometheus", file=sys.stderr)
        return 2
    if not scraping.targets.exists():
        print(
            f"No evoke was started on {options.data_dir}: there is no {scraping.targets}. First: make up",
            file=sys.stderr,
        )
        return 2
    command = scraping.prepared(program)
    print(f"Prometheus: http://{options.address} (alerts: /alerts, objectives: /rules)", flush=True)
    print(f"Dashboards: http://{options.address}/consoles/index.html", flush=True)
    print(f"The same for Grafana (Dashboards > New > Import): {DASHBOARDS}/*.json", flush=True)
    os.execv(program, command)  # noqa: S606  # from here on this process is Prometheus
    return 0


if __name__ == "__main__":
    sys.exit(main())
