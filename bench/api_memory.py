"""Memory of the API process with many jobs in its hot view.

`python -m bench.api_memory [--jobs 100000]`: submits by load, without workers, and reads the process's resident memory.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench import load
from bench.processes import resident_bytes
from bench.report import Figure, print_table, write_json
from bench.stacks import BODY, evoke

RESULTS = Path(__file__).parent / "results" / "api_memory.json"
AIM_MIB = 300


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=100_000)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="evoke-bench-") as name,
        evoke(Path(name), workers=False) as system,
    ):
        empty = resident_bytes(system.pids["api"]) >> 20
        accepted = 0
        while accepted < options.jobs:
            seen = load.post(f"{system.url}/v1/jobs", BODY, duration_s=5)
            accepted += seen.requests - seen.errors
        full = resident_bytes(system.pids["api"]) >> 20
        figures = [
            Figure(name="API, no jobs", value=empty, unit="MiB"),
            Figure(
                name=f"API, {accepted:,} jobs in the hot view",
                value=full,
                unit="MiB",
                aim=f"≤ {AIM_MIB} MiB at 100,000",
                met=full <= AIM_MIB,
            ),
        ]
        print_table(figures)
        write_json(figures, RESULTS)


if __name__ == "__main__":
    main()
