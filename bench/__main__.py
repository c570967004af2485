"""All benchmarks of an engine, one after the other: `python -m bench [--engine E] [--only NAME ...] [--quick]`.

Each prints its table and writes its figures to `bench/results/NAME.json`. Quick: small sizes, to see that they run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys

from bench.processes import python

BENCHMARKS = {
    "embedded": {
        "against_celery": ["--rounds", "1", "--seconds", "3", "--jobs", "1000"],
        "cost": ["--seconds", "2", "--pictures", "20"],
        "tracing": ["--seconds", "1", "--rounds", "1"],
        "api_memory": ["--jobs", "5000"],
        "embedded_log": ["--seconds", "1"],
        "history": ["--jobs", "20000", "--small", "2000"],
    },
    "distributed": {
        "distributed": ["--seconds", "2", "--rounds", "20", "--jobs", "5000"],
        "trino_history": ["--jobs", "20000", "--hours", "50"],
        "start_up": ["--jobs", "20000"],
    },
}
"""The benchmarks of each engine, and what makes each quick."""


TOOLS = {"wrk": "the load", "redis-server": "the peer"}
"""Programs that no Python package brings, and what they are for."""


def missing() -> str | None:
    """What to install before anything can be measured; None when all is there."""
    absent = [name for name in TOOLS if shutil.which(name) is None]
    if not absent:
        return None
    wanted = " and ".join(f"{name} ({TOOLS[name]})" for name in absent)
    return f"The benchmarks need {wanted}. On Debian: apt-get install {' '.join(absent)}"


def main() -> int:
    """Run the chosen benchmarks; returns the first exit code that is not 0, 2 when a program is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=list(BENCHMARKS), default="embedded")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="default: all of that engine")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if (reason := missing()) is not None:
        print(reason, file=sys.stderr)
        return 2
    known = BENCHMARKS[options.engine]
    if unknown := sorted(set(options.only or ()) - known.keys()):
        parser.error(f"the {options.engine} engine has no benchmark {unknown[0]}, only {', '.join(known)}")
    for name in options.only or known:
        print(f"\n## {name}\n", flush=True)
        finished = subprocess.run(
            python(f"bench.{name}", *(known[name] if options.quick else [])), check=False
        )
        if finished.returncode:
            return finished.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
