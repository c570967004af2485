"""The tables of docs/scale.md: one function each, all Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from bench.scale.figures import ASSUMED, MEASURED, PRICES, PRICES_OF, SETTINGS
from bench.scale.plan import Load, Plan, history, made
from bench.scale.pulling import Case, quantile, simulated

_SHORT = Load(
    name="100,000/s of 0.1 s",
    jobs_per_s=100_000,
    seconds_per_job=0.1,
    slots=8,
    queues=100,
    artifact_bytes=20_000,
)
LOADS = (
    Load(name="10/s", jobs_per_s=10),
    Load(name="1,000/s, one queue", jobs_per_s=1000),
    Load(name="1,000/s, ten queues", jobs_per_s=1000, queues=10),
    Load(name="100,000/s, 100 queues", jobs_per_s=100_000, queues=100),
    _SHORT,
)
CELL = replace(_SHORT, name="of its 100 cells, each", jobs_per_s=1000, queues=1)
CASES = tuple(
    Case(workers=workers, utilisation=utilisation, parts=parts)
    for workers in (8, 64, 512)
    for utilisation in (0.7, 0.9)
    for parts in (1, 8, 32)
)

_ROWS: tuple[tuple[str, Callable[[Plan], str]], ...] = (
    ("workers (GPUs)", lambda plan: f"{plan.workers:,}"),
    ("API processes", lambda plan: f"{plan.api_processes:,}"),
    ("cores that each of them folds with", lambda plan: f"{plan.api_fold_cores:.3g}"),
    ("log, one copy", lambda plan: _bytes(plan.log_bytes_per_s, "/s")),
    ("events that one sidecar reads", lambda plan: f"{plan.tail_events_per_s:,.0f}/s"),
    ("sent to all sidecars' tails", lambda plan: _bytes(plan.fan_out_bytes_per_s, "/s")),
    ("brokers that can send it all", lambda plan: f"{plan.brokers:,}"),
    ("parts of a queue's topics", lambda plan: f"{plan.parts:,}"),
    ("topics", lambda plan: f"{plan.topics:,}"),
    ("sidecars' consumers and readers", lambda plan: f"{plan.sessions:,}"),
    ("disk of the log, all copies", lambda plan: _bytes(plan.log_bytes)),
    ("the archiver's share of what one can", lambda plan: f"{plan.archiver_share:.1%}"),
    ("commits, at least as many files, a day", lambda plan: f"{plan.commits_per_day:,.0f}"),
    ("merged files of an hour, at least", lambda plan: f"{plan.files_per_hour:,}"),
    ("archive, a day", lambda plan: _bytes(plan.archive_bytes_per_day)),
    ("finished jobs stay hot for", lambda plan: _time(plan.hot_window_s)),
    ("jobs that one SQL statement may read: of", lambda plan: _time(plan.scannable_s)),
    ("a million jobs: GPUs", lambda plan: f"${plan.dollars_gpu:,.2f}"),
    ("… writing artifacts", lambda plan: f"${plan.dollars_store:,.2f}"),
    ("… keeping them a month", lambda plan: f"${plan.dollars_artifacts_month:,.2f}"),
    ("… servers and the log's disks", lambda plan: f"${plan.dollars_servers:,.2f}"),
    ("… between zones", lambda plan: f"${plan.dollars_between_zones:,.2f}"),
)


def _bytes(size: float, per: str = "") -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}{per}"
        size /= 1000
    return f"{size:,.3g} TB{per}"


def _time(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return (
                f"{seconds / length:,.0f} {unit}"
                if seconds >= 100 * length
                else f"{seconds / length:.3g} {unit}"
            )
    return f"{seconds:.2g} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plans() -> str:
    """The plan of every load, and of one cell."""
    loads = (*LOADS, CELL)
    found = [made(load) for load in loads]
    rows = [(name, *(said(plan) for plan in found)) for name, said in _ROWS]
    return _table(("", *(load.name for load in loads)), rows)


def histories() -> str:
    """A billion jobs, gathered at each rate."""
    rows = []
    for rate in (10, 1000, 100_000):
        size, files, cpu_s, workers = history(1e9, rate)
        years = _time(1e9 / rate)
        rows.append((f"{rate:,}/s", years, _bytes(size), f"{files:,}", f"{cpu_s:,.0f} s", str(workers)))
    return _table(
        ("gathered at", "in", "size", "merged files, at least", "Trino, one fold: CPU", "workers for 30 s"),
        rows,
    )


@cache
def waits() -> str:
    """Time in queue by the simulation."""
    rows = []
    for case in CASES:
        seen = simulated(case)
        times = [
            f"{quantile(lane, share):.2f} s"
            for lane in (seen.interactive, seen.bulk)
            for share in (0.5, 0.99)
        ]
        about = (str(case.workers), f"{case.utilisation:.0%}", str(case.parts))
        rows.append((*about, *times, f"{seen.bounces_per_job:.2f}"))
    head = ("workers", "used", "parts", "interactive p50", "p99", "bulk p50", "p99", "given back per job")
    return _table(head, rows)


def constants() -> str:
    """Every constant, its kind and its source."""
    rows = [
        (name, f"{figure.value:,.12g} {figure.unit}".strip(), figure.kind, figure.source)
        for figures in (MEASURED, SETTINGS, ASSUMED, PRICES)
        for name, figure in figures.items()
    ]
    return _table(("figure", "value", "kind", "source"), rows) + f"\nPrices: {PRICES_OF}.\n"


TABLES: dict[str, Callable[[], str]] = {
    "plans": plans,
    "history": histories,
    "waits": waits,
    "constants": constants,
}


def filled(page: str) -> str:
    """The page with each table between its two marks. Raises ValueError when a mark is not there."""
    for name, table in TABLES.items():
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end: {name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page has no marks for the table {name!r}")
        page = f"{before}{begin}{table()}{end}{after}"
    return page
