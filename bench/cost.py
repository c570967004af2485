"""What a request and a job cost in CPU time, evoke beside the Celery peer, and the sidecar's own time per picture.

`python -m bench.cost [--seconds 6] [--pictures 200]` prints a table and writes JSON. CPU time depends little on what
else the machine does, so that these figures can be compared where rates can't; a job's CPU time on all processes
together says how many jobs a second a number of cores can do at most.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from bench import load
from bench.processes import cpu_seconds
from bench.report import Figure, print_table, write_json
from bench.stacks import BODY, celery_peer, drained, evoke

RESULTS = Path(__file__).parent / "results" / "cost.json"
PICTURE_BYTES = 400_000
"""About what a PNG of 512×512 pixels has."""


def spent_ms(pids: Mapping[str, int], work: Callable[[], int]) -> tuple[int, dict[str, float]]:
    """How much work was done, and the CPU milliseconds that one unit of it cost each process and the load generator."""
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    load_before = load.cpu_seconds()
    done = work()
    spent = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
    spent["load"] = load.cpu_seconds() - load_before
    return done, {name: seconds * 1e3 / done for name, seconds in spent.items()}


def submits(url: str, body: object, seconds: int) -> int:
    """Submit at 64 connections; return how many were accepted."""
    seen = load.post(url, body, duration_s=seconds)
    return seen.requests - seen.errors


def jobs(url: str, seconds: int, unfinished: Callable[[], int]) -> int:
    """Submit for a while and wait until all is done; return how many jobs that were."""
    accepted = submits(url, BODY, seconds)
    drained(unfinished)
    return accepted


def sidecar_ms(url: str, count: int) -> list[float]:
    """The sidecar's own milliseconds for each of so many pictures, made one after the other."""
    body = {"model": "noop", "input": {**BODY["input"], "output_bytes": PICTURE_BYTES}}  # type: ignore[dict-item]
    taken = []
    with httpx.Client(timeout=30) as client:
        for _ in range(count):
            answer = client.post(f"{url}/v1/jobs", json=body, headers={"Prefer": "wait=20"})
            job = answer.raise_for_status().json()
            if job["status"] != "succeeded" or job["artifacts"][0]["size_bytes"] != PICTURE_BYTES:
                raise RuntimeError(f"the picture was not made: {job}")
            taken.append(job["timings_ms"]["sidecar"])
    return taken[count // 10 :]


def measure_evoke(
    folder: Path, seconds: int, pictures: int
) -> tuple[dict[str, dict[str, float]], list[float]]:
    """Costs by kind of work and process, and the sidecar's times for pictures."""
    costs = {}
    with evoke(folder / "accept", workers=False) as system:
        door = f"{system.url}/v1/jobs"
        load.post(door, BODY, duration_s=1)
        _, costs["submit"] = spent_ms(system.pids, lambda: submits(door, BODY, seconds))
    with evoke(folder / "through") as system:
        door = f"{system.url}/v1/jobs"
        own = sidecar_ms(system.url, pictures)
        _, costs["job"] = spent_ms(system.pids, lambda: jobs(door, seconds, system.unfinished))
        items = httpx.get(door, params={"limit": 100}, timeout=30).json()["items"]
        paths = [f"/v1/jobs/{item['id']}" for item in items]
        _, costs["get"] = spent_ms(
            system.pids, lambda: load.get(system.url, paths, duration_s=seconds).requests
        )
    return costs, own


def measure_peer(folder: Path, seconds: int) -> dict[str, dict[str, float]]:
    """Costs by kind of work and process."""
    costs = {}
    with celery_peer(folder / "accept", workers=False) as system:
        load.post(f"{system.url}/jobs", BODY, duration_s=1)
        _, costs["submit"] = spent_ms(system.pids, lambda: submits(f"{system.url}/jobs", BODY, seconds))
    with celery_peer(folder / "through") as system:
        _, costs["job"] = spent_ms(
            system.pids, lambda: jobs(f"{system.url}/jobs", seconds, system.unfinished)
        )
    return costs


def figures_of(
    ours: Mapping[str, Mapping[str, float]], theirs: Mapping[str, Mapping[str, float]], own: list[float]
) -> list[Figure]:
    """Rows of the table."""
    total, peer_total = sum(ours["job"].values()), sum(theirs["job"].values())
    found = [
        Figure(
            name="CPU of a durable submit, all processes but the load",
            value=ours["submit"]["api"],
            unit="ms",
            peer=theirs["submit"]["door"] + theirs["submit"]["redis"],
            aim="≤ peer / 2.5",
            met=ours["submit"]["api"] * 2.5 <= theirs["submit"]["door"] + theirs["submit"]["redis"],
        ),
        Figure(name="CPU of a hot GET, API", value=ours["get"]["api"], unit="ms"),
        Figure(
            name="CPU of a job, all processes and the load",
            value=total,
            unit="ms",
            peer=peer_total,
            aim="≤ peer / 1.5",
            met=total <= peer_total / 1.5,
        ),
    ]
    found += [Figure(name=f"… of which {name}", value=ms, unit="ms") for name, ms in ours["job"].items()]
    found += [
        Figure(name=f"… of the peer's, {name}", value=ms, unit="ms") for name, ms in theirs["job"].items()
    ]
    p50 = statistics.median(own)
    found.append(
        Figure(
            name=f"sidecar's own time per picture of {PICTURE_BYTES // 1000} kB, p50",
            value=p50,
            unit="ms",
            aim="≤ 10 ms",
            met=p50 <= 10,
        )
    )
    p95 = statistics.quantiles(own, n=20)[-1]
    found.append(Figure(name="the same, p95", value=p95, unit="ms"))
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=6, help="length of each load phase")
    parser.add_argument("--pictures", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evoke-bench-") as name:
        ours, own = measure_evoke(Path(name) / "evoke", options.seconds, options.pictures)
        theirs = measure_peer(Path(name) / "peer", options.seconds)
    figures = figures_of(ours, theirs, own)
    print_table(figures)
    write_json(figures, RESULTS)


if __name__ == "__main__":
    main()
