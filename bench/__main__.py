"""All benchmarks, one after the other: `python -m bench [--only NAME ...] [--quick]`.

Each prints its table and writes its figures to `bench/results/NAME.json`. Quick: small sizes, to see that they run.
"""

from __future__ import annotations

import argparse
import subprocess

from bench.processes import python

BENCHMARKS = {
    "against_celery": ["--rounds", "1", "--seconds", "3", "--jobs", "1000"],
    "api_memory": ["--jobs", "5000"],
    "embedded_log": ["--seconds", "1"],
    "history": ["--jobs", "20000", "--small", "2000"],
}
"""Each benchmark and what makes it quick."""


def main() -> int:
    """Run the chosen benchmarks; returns the first exit code that is not 0."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    for name in options.only:
        print(f"\n## {name}\n", flush=True)
        finished = subprocess.run(
            python(f"bench.{name}", *(BENCHMARKS[name] if options.quick else [])), check=False
        )
        if finished.returncode:
            return finished.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
