"""What traces cost: durable submits with and without a collector, in turns, by rate and by the API's CPU time.

`python -m bench.tracing [--seconds 5] [--rounds 4]` prints a table and writes JSON. The collector is a process of its
own that reads what it is sent and forgets it; a submit that is traced costs more than one that is not, and
`EVOKE_TRACES_PER_S` bounds how many are.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench import load
from bench.processes import cpu_seconds, free_port, python, running, wait_for_http
from bench.report import Figure, print_table, write_json
from bench.stacks import BODY, evoke

RESULTS = Path(__file__).parent / "results" / "tracing.json"
ALLOWED = 0.05


class Collector(BaseHTTPRequestHandler):
    """Takes traces and forgets them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read a batch."""
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def do_GET(self) -> None:
        """Say that all is well."""
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def collector(folder: Path) -> Iterator[str]:
    """A collector in a process of its own; yields its URL."""
    port = free_port()
    with running(python("bench.tracing", "--collect", str(port)), folder / "collector.log"):
        url = f"http://127.0.0.1:{port}"
        wait_for_http(url)
        yield url


def measured(folder: Path, seconds: int, settings: dict[str, str]) -> tuple[float, float]:
    """Durable submits a second, and the API's CPU milliseconds for each."""
    with evoke(folder, workers=False, **settings) as system:
        door = f"{system.url}/v1/jobs"
        load.post(door, BODY, duration_s=1)
        before = cpu_seconds(system.pids["api"])
        seen = load.post(door, BODY, duration_s=seconds)
        spent = cpu_seconds(system.pids["api"]) - before
    return seen.rate, spent * 1e3 / (seen.requests - seen.errors)


def measure(rounds: int, seconds: int) -> list[Figure]:
    """Take turns, so that what else the machine does falls on both."""
    without: list[tuple[float, float]] = []
    traced: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="evoke-bench-") as name, collector(Path(name)) as url:
        for number in range(rounds):
            without.append(measured(Path(name) / f"without-{number}", seconds, {}))
            traced.append(measured(Path(name) / f"traced-{number}", seconds, {"EVOKE_OTLP_ENDPOINT": url}))
    rate, rate_without = (statistics.median(each[0] for each in runs) for runs in (traced, without))
    cpu, cpu_without = (statistics.median(each[1] for each in runs) for runs in (traced, without))
    return [
        Figure(
            name="durable submits with traces (peer: without)",
            value=rate,
            unit="/s",
            peer=rate_without,
            aim=f"≥ {1 - ALLOWED:.2f} ×",
            met=rate >= (1 - ALLOWED) * rate_without,
        ),
        Figure(
            name="CPU of the API for a submit, with traces (peer: without)",
            value=cpu,
            unit="ms",
            peer=cpu_without,
            aim=f"≤ {1 + ALLOWED:.2f} ×",
            met=cpu <= (1 + ALLOWED) * cpu_without,
        ),
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=5, help="length of each load phase")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--collect", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.collect is not None:
        ThreadingHTTPServer(("127.0.0.1", options.collect), Collector).serve_forever()
        sys.exit(0)
    figures = measure(options.rounds, options.seconds)
    print_table(figures)
    write_json(figures, RESULTS)


if __name__ == "__main__":
    main()
