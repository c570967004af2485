"""A plan for a load: pure arithmetic over the figures. All rates are means; sizes in bytes, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from bench.scale.figures import value

EVENTS = 3
_DAY_S, _MONTH_S = 86_400, 30 * 86_400
_SENT_TWICE = 2
"""A sidecar reads its queue's attempts and ends in its tail and once more for its index (decision 41)."""

_WHOLE = 4
"""A queue's topics that have one part: dead letters, retries, the backstop, progress."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is asked for. queues: lines of work with sidecars of their own, evenly loaded.

    seconds_per_job: of one slot of a worker. slots: jobs that a worker (a sidecar with its GPU) runs at once.
    """

    name: str
    jobs_per_s: float
    seconds_per_job: float = 5.0
    slots: int = 1
    queues: int = 1
    artifact_bytes: int = 1_450_000
    api_replicas_least: int = 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a load needs. sessions: consumers and readers of all sidecars.

    Sizes in bytes, times in seconds, costs in dollars per million jobs.
    """

    workers: int
    api_processes: int
    api_fold_cores: float
    log_bytes_per_s: float
    tail_events_per_s: float
    fan_out_bytes_per_s: float
    brokers: int
    parts: int
    topics: int
    sessions: int
    log_bytes: float
    archiver_share: float
    commits_per_day: float
    files_per_hour: int
    archive_bytes_per_day: float
    hot_window_s: float
    scannable_s: float
    dollars_gpu: float
    dollars_store: float
    dollars_artifacts_month: float
    dollars_servers: float
    dollars_between_zones: float


def job_bytes() -> float:
    """Bytes of a job's events in the log, one copy."""
    named = ("requested event", "attempt_started event", "succeeded event")
    return sum(map(value, named)) + EVENTS * value("properties of an event")


def followed_bytes() -> float:
    """Bytes of a job's two events that every sidecar of its queue reads."""
    return value("attempt_started event") + value("succeeded event") + 2 * value("properties of an event")


def made(load: Load) -> Plan:
    """The plan. Raises ValueError for a load without jobs, seconds, slots or queues."""
    if min(load.jobs_per_s, load.seconds_per_job, load.slots, load.queues) <= 0:
        raise ValueError("jobs, seconds, slots and queues must be more than 0")
    rate, headroom = load.jobs_per_s, value("headroom")
    workers = ceil(rate * load.seconds_per_job / load.slots / value("utilisation"))
    api = max(load.api_replicas_least, ceil(rate / value("submits of an API process") / headroom))
    fan_out = _SENT_TWICE * followed_bytes() * rate * workers / load.queues
    # Beside the sidecars: every API process and the archiver read all, and a worker takes the request.
    others = rate * (job_bytes() * (api + 1) + value("requested event"))
    sending = ceil((fan_out + others) / value("broker sends"))
    brokers = max(3, sending)
    log = rate * value("log retention") * job_bytes() * value("copies in the log")
    per_hour = 3600 * rate * value("archive, of a job")
    a_million_s = 1e6 / rate
    parts = ceil(sending / load.queues)
    small, large = value("cores of an API or archiver"), value("cores of a broker")
    servers = small * (api + 2) + large * brokers + value("cores of a Trino worker")
    return Plan(
        workers=workers,
        api_processes=api,
        api_fold_cores=rate * value("API folds two events of a job") / 1000,
        log_bytes_per_s=rate * job_bytes(),
        tail_events_per_s=_SENT_TWICE * 2 * rate / load.queues,
        fan_out_bytes_per_s=fan_out,
        brokers=brokers,
        parts=parts,
        topics=load.queues * (4 * parts + _WHOLE),
        sessions=workers * (2 * parts + 1 + 2 * _SENT_TWICE * parts),
        log_bytes=log,
        archiver_share=EVENTS * rate / value("archiver"),
        commits_per_day=_DAY_S / min(value("archive interval"), 50_000 / (EVENTS * rate)),
        files_per_hour=max(1, ceil(per_hour / value("merged file"))),
        archive_bytes_per_day=24 * per_hour,
        hot_window_s=min(_DAY_S, value("hot view") / value("finished job in the hot view") / rate),
        scannable_s=value("query scan") / value("archive, of a job") / rate,
        dollars_gpu=workers * a_million_s / 3600 * value("GPU hour"),
        dollars_store=1000 * value("S3, 1,000 writes"),
        dollars_artifacts_month=1e6 * load.artifact_bytes / 1e9 * value("S3, GB-month"),
        dollars_servers=a_million_s
        * (servers * value("core hour") / 3600 + log / 1e9 * value("disk, GB-month") / _MONTH_S),
        dollars_between_zones=(fan_out + others)
        * a_million_s
        / 1e9
        * value("traffic between zones")
        * value("between zones, GB"),
    )


def history(jobs: float, jobs_per_s: float) -> tuple[float, int, float, int]:
    """Of so many archived jobs: bytes, merged files (at least one an hour), Trino's CPU seconds to fold all of it
    once, and the workers that do so within the time of a query."""
    size = jobs * value("archive, of a job")
    hours = jobs / jobs_per_s / 3600
    files = ceil(max(size / value("merged file"), hours))
    cpu_s = jobs / 1e6 * value("Trino, SQL over a million jobs")
    return size, files, cpu_s, ceil(cpu_s / value("query time") / value("cores of a Trino worker"))
