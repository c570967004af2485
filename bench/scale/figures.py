"""Every constant of the plan, in one place: its value, its unit, what kind of figure it is, and its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["measured", "setting", "assumed", "price"]


@dataclass(frozen=True)
class Figure:
    """One constant. kind: measured here, a setting's default, assumed, or a price to be replaced by yours."""

    value: float
    unit: str
    kind: Kind
    source: str


MEASURED: dict[str, Figure] = {
    "requested event": Figure(781, "B", "measured", "codec, `bench.scale.samples`: an image of 25 words"),
    "attempt_started event": Figure(267, "B", "measured", "codec, `bench.scale.samples`"),
    "succeeded event": Figure(607, "B", "measured", "codec, `bench.scale.samples`: one artifact"),
    "properties of an event": Figure(
        314, "B", "measured", "codec, `bench.scale.samples`; 6 B of framing each"
    ),
    "archive, of a job": Figure(340, "B", "measured", "Parquet (zstd) of 20,000 such jobs' three rows"),
    "finished job in the hot view": Figure(1173, "B", "measured", "`HotJob.size_bytes` of such jobs"),
    "waiting job in the API": Figure(2609, "B", "measured", "benchmarks: 251 MiB at 100,866 jobs, all of it"),
    "submits of an API process": Figure(
        2223, "1/s", "measured", "benchmarks, distributed: 2 shared cores, machine 1"
    ),
    "API folds two events of a job": Figure(
        0.21, "ms", "measured", "benchmarks, embedded: 3/5 of 0.35 ms CPU"
    ),
    "archiver": Figure(17823, "events/s", "measured", "benchmarks, distributed: machine 1"),
    "a process reads topics": Figure(44118, "events/s", "measured", "benchmarks: 600,000 in 13.6 s"),
    "Trino, SQL over a million jobs": Figure(4.1, "CPU s", "measured", "benchmarks: 3.8 to 4.4 s"),
}
"""Taken on the machines that docs/benchmarks.md tells of; sizes do not depend on the machine."""

SETTINGS: dict[str, Figure] = {
    "hot view": Figure(268435456, "B", "setting", "`EVOKE_HOT_BYTES`"),
    "archive interval": Figure(2, "s", "setting", "`EVOKE_ARCHIVE_INTERVAL_S`"),
    "log retention": Figure(604800, "s", "setting", "`EVOKE_LOG_RETENTION_S`"),
    "query scan": Figure(4294967296, "B", "setting", "`EVOKE_QUERY_SCAN_BYTES`"),
    "query time": Figure(30, "s", "setting", "`EVOKE_QUERY_TIME_S`"),
    "merged file": Figure(33554432, "B", "setting", "`TARGET_BYTES` of the compaction"),
}

ASSUMED: dict[str, Figure] = {
    "utilisation": Figure(0.8, "", "assumed", "of workers, so that queues stay short"),
    "headroom": Figure(0.5, "", "assumed", "how much of a measured capacity a plan uses"),
    "broker sends": Figure(500e6, "B/s", "assumed", "half of a 10 Gbit/s network card, rounded down"),
    "copies in the log": Figure(2, "", "assumed", "BookKeeper's write quorum"),
    "cores of an API or archiver": Figure(2, "", "assumed", "two archivers: one works, one waits"),
    "cores of a broker": Figure(4, "", "assumed", "with its BookKeeper"),
    "cores of a Trino worker": Figure(8, "", "assumed", "one runs all the time"),
    "traffic between zones": Figure(2 / 3, "", "assumed", "three zones, no rack awareness"),
}

PRICES: dict[str, Figure] = {
    "GPU hour": Figure(1.0, "$", "price", "one 24 GB GPU with its host, on demand"),
    "core hour": Figure(0.05, "$", "price", "m-type instance"),
    "S3, GB-month": Figure(0.023, "$", "price", "standard"),
    "S3, 1,000 writes": Figure(0.005, "$", "price", "standard"),
    "disk, GB-month": Figure(0.08, "$", "price", "gp3"),
    "between zones, GB": Figure(0.02, "$", "price", "0.01 on each side"),
}
PRICES_OF = "us-east-1, list prices of 2025, rounded, from memory"
"""Of the right order of magnitude; put in your own."""


def value(name: str) -> float:
    """The value of a constant. Raises KeyError."""
    return {**MEASURED, **SETTINGS, **ASSUMED, **PRICES}[name].value
