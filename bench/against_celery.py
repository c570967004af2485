"""evoke beside FastAPI + Celery + Redis (appendfsync always), with a no-op model, in one run.

`python -m bench.against_celery [--seconds 10] [--jobs 8000] [--rounds 3]` prints a table and writes JSON. The two
systems take turns, so that a change in the machine's speed meets both; ratios are of medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from bench import load
from bench.processes import cpu_seconds, resident_bytes
from bench.report import Figure, print_table, write_json
from bench.stacks import BODY, Evoke, celery_peer, drained, evoke

RESULTS = Path(__file__).parent / "results" / "against_celery.json"


def accepted_rate(url: str, seconds: int) -> float:
    """Accepted submits per second at 64 connections."""
    seen = load.post(url, BODY, duration_s=seconds)
    if seen.errors:
        print(f"  {seen.errors} of {seen.requests} submits were refused")
    return seen.rate


def sustained_rate(url: str, unfinished: Callable[[], int], jobs: int, seconds: int) -> float:
    """Jobs per second from the first submit until the last one is finished, submits going on meanwhile."""
    begin = time.monotonic()
    accepted = 0
    while accepted < jobs and time.monotonic() - begin < seconds:
        seen = load.post(url, BODY, duration_s=1)
        accepted += seen.requests - seen.errors
    drained(unfinished)
    return accepted / (time.monotonic() - begin)


def unloaded_p50s_ms(folder: Path, turns: int = 40, of: int = 10) -> tuple[float, float]:
    """Median milliseconds from sending a submit to having its result, one at a time: ours and the peer's.

    Both are up, one is asked while the other idles, in short turns: a machine's speed changes from second to second.
    """
    ours: list[float] = []
    theirs: list[float] = []
    with (
        evoke(folder / "evoke-alone") as system,
        celery_peer(folder / "peer-alone") as peer,
        httpx.Client(timeout=30) as client,
    ):
        asked: list[tuple[list[float], Callable[[], httpx.Response]]] = [
            (
                ours,
                lambda: client.post(f"{system.url}/v1/jobs", json=BODY, headers={"Prefer": "wait=20"}),
            ),
            (theirs, lambda: client.post(f"{peer.url}/jobs/wait", json=BODY)),
        ]
        for _ in range(turns):
            for durations, submit in asked:
                durations.extend(_durations_ms(submit, of))
    return statistics.median(ours[2 * of :]), statistics.median(theirs[2 * of :])


def _durations_ms(submit: Callable[[], httpx.Response], count: int) -> list[float]:
    durations = []
    for _ in range(count):
        begin = time.perf_counter()
        submit().raise_for_status()
        durations.append((time.perf_counter() - begin) * 1e3)
    return durations


def measure_evoke(folder: Path, seconds: int, jobs: int) -> dict[str, float]:
    """One round of evoke."""
    figures: dict[str, float] = {}
    with evoke(folder / "accept", workers=False) as system:
        figures["accepted"] = accepted_rate(f"{system.url}/v1/jobs", seconds)
    with evoke(folder / "through") as system:
        before = {name: cpu_seconds(pid) for name, pid in system.pids.items()}
        figures["sustained"] = sustained_rate(f"{system.url}/v1/jobs", system.unfinished, jobs, 60)
        for name, pid in system.pids.items():
            print(
                f"  evoke {name}: {cpu_seconds(pid) - before[name]:.1f} s CPU, {resident_bytes(pid) >> 20} MiB"
            )
        figures["hot_get"] = hot_get_rate(system, seconds)
    return figures


def hot_get_rate(system: Evoke, seconds: int) -> float:
    """Look-ups per second of finished jobs in the hot view."""
    items = httpx.get(f"{system.url}/v1/jobs", params={"limit": 100}, timeout=30).json()["items"]
    return load.get(system.url, [f"/v1/jobs/{item['id']}" for item in items], duration_s=seconds).rate


def measure_peer(folder: Path, seconds: int, jobs: int) -> dict[str, float]:
    """One round of the peer."""
    figures: dict[str, float] = {}
    with celery_peer(folder / "accept", workers=False) as system:
        figures["accepted"] = accepted_rate(f"{system.url}/jobs", seconds)
    with celery_peer(folder / "through") as system:
        figures["sustained"] = sustained_rate(f"{system.url}/jobs", system.unfinished, jobs, 60)
    return figures


def figures_of(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> list[Figure]:
    """Medians over the rounds, with our aims."""

    def median(rounds: list[dict[str, float]], name: str) -> float:
        return statistics.median(each[name] for each in rounds)

    def compared(name: str, key: str, unit: str, factor: float, *, lower_is_better: bool = False) -> Figure:
        value, peer = median(ours, key), median(theirs, key)
        met = value <= peer * factor if lower_is_better else value >= peer * factor
        aim = f"{'≤' if lower_is_better else '≥'} {factor}× peer"
        return Figure(name=name, value=value, unit=unit, peer=peer, aim=aim, met=met)

    hot = median(ours, "hot_get")
    return [
        compared("durable submits, 64 connections", "accepted", "1/s", 2.5),
        compared("submit → succeeded, sustained", "sustained", "jobs/s", 1.5),
        compared("submit → result, unloaded p50", "latency", "ms", 1.0, lower_is_better=True),
        Figure(name="hot GET", value=hot, unit="1/s", aim="≥ 4,000/s", met=hot >= 4000),
    ]


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=8, help="length of each load phase")
    parser.add_argument("--jobs", type=int, default=6000, help="jobs of the sustained phase")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours, theirs = [], []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="evoke-bench-") as name:
            print(f"round {number + 1} of {options.rounds}")
            theirs.append(measure_peer(Path(name) / "peer", options.seconds, options.jobs))
            ours.append(measure_evoke(Path(name) / "evoke", options.seconds, options.jobs))
            ours[-1]["latency"], theirs[-1]["latency"] = unloaded_p50s_ms(Path(name))
            print("  peer", {key: round(value, 2) for key, value in theirs[-1].items()})
            print("  evoke", {key: round(value, 2) for key, value in ours[-1].items()})
    found = figures_of(ours, theirs)
    print_table(found)
    write_json(found, RESULTS)


if __name__ == "__main__":
    main()
