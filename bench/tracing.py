"""What traces cost: durable submits with and without a collector, in turns, by rate and by the API's CPU time.

`python -m bench.tracing [--seconds 3] [--rounds 12]` prints a table and writes JSON. The collector is a process of its
own that reads what it is sent and forgets it; a submit that is traced costs more than one that is not, and
`EVOKE_TRACES_PER_S` bounds how many are.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec

from bench import load
from bench.processes import cpu_seconds, free_port, python, running, wait_for_http
from bench.report import Figure, print_table, write_json
from bench.stacks import BODY, Evoke, evoke

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


ALL = "1000000"
"""More than any API takes: every submit is traced."""


class Seen(msgspec.Struct):
    """What the rounds of one system saw: durable submits a second, and the API's CPU milliseconds for each."""

    rates: list[float] = msgspec.field(default_factory=list)
    cpu_ms: list[float] = msgspec.field(default_factory=list)

    def add(self, system: Evoke, seconds: int) -> None:
        """Load it for some seconds."""
        before = cpu_seconds(system.pids["api"])
        seen = load.post(f"{system.url}/v1/jobs", BODY, duration_s=seconds)
        self.rates.append(seen.rate)
        self.cpu_ms.append((cpu_seconds(system.pids["api"]) - before) * 1e3 / (seen.requests - seen.errors))


def measure(rounds: int, seconds: int) -> list[Figure]:
    """Three systems take turns, in every order, so that what else the machine does falls on all of them."""
    with tempfile.TemporaryDirectory(prefix="evoke-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        traced = {"EVOKE_OTLP_ENDPOINT": stack.enter_context(collector(folder))}
        settings = {"without": {}, "some": traced, "all": {**traced, "EVOKE_TRACES_PER_S": ALL}}
        systems = [
            (stack.enter_context(evoke(folder / each, workers=False, **settings[each])), Seen())
            for each in settings
        ]
        for system, _ in systems:
            load.post(f"{system.url}/v1/jobs", BODY, duration_s=1)
        orders = itertools.cycle(itertools.permutations(systems))
        for order in itertools.islice(orders, rounds):
            for system, seen in order:
                seen.add(system, seconds)
        without, some, every = (seen for _, seen in systems)
    return [
        _figure("durable submits with traces (peer: without)", "/s", some.rates, without.rates),
        _figure(
            "CPU of the API for a submit, with traces (peer: without)", "ms", some.cpu_ms, without.cpu_ms
        ),
        _figure(
            "the same, every submit traced (peer: without)", "ms", every.cpu_ms, without.cpu_ms, aim=False
        ),
    ]


def _figure(name: str, unit: str, values: list[float], peers: list[float], *, aim: bool = True) -> Figure:
    """The median of the values, beside that of the ratios: each round has its own speed."""
    ratio = statistics.median(value / peer for value, peer in zip(values, peers, strict=True))
    value = statistics.median(values)
    more_is_better = unit == "/s"
    bound = 1 - ALLOWED if more_is_better else 1 + ALLOWED
    return Figure(
        name=name,
        value=value,
        unit=unit,
        peer=value / ratio,
        aim=f"{'≥' if more_is_better else '≤'} {bound:.2f} ×" if aim else "",
        met=(ratio >= bound if more_is_better else ratio <= bound) if aim else None,
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=3, help="length of each load phase")
    parser.add_argument("--rounds", type=int, default=12)
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
