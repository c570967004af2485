"""What `evoke doctor` looks at. Each examination returns findings and changes nothing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cli.connection import Connection
from cli.failures import CommandFailed, Refused, Unreachable
from cli.output import duration, size

LOW_DISK_BYTES, EMPTY_DISK_BYTES = 5 << 30, 200 << 20
CLOCK_S = 5.0
LAG_S = 60.0
SQLITE_MAGIC = b"SQLite format 3\x00"


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


class Finding(NamedTuple):
    """One thing that was looked at. advice: what to do, empty when all is well."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine_machine(url: str) -> Iterator[Finding]:
    """Python, and where the API runs on this machine the disk and the files of the embedded engine."""
    yield _python()
    if urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"):
        return
    folder = Path(os.environ.get("EVOKE_DATA_DIR", "data")).absolute()
    yield _disk(folder)
    yield _log_file(folder / "log.sqlite")


def examine_api(connection: Connection) -> Iterator[Finding]:
    """Whether the API lives, is ready, agrees on the time, has workers for what waits, and archives in time."""
    try:
        answer = connection.request("GET", "/livez")
    except CommandFailed as error:
        yield Finding("API", Verdict.BROKEN, str(error), " ".join(error.advice))
        return
    yield Finding("API", Verdict.OK, f"answers at {connection.url}")
    yield _clock(answer.headers.get("date"))
    yield _ready(connection)
    for examine in (_queues, _dead_letters, _archive):
        try:
            yield from examine(connection)
        except (Unreachable, Refused) as error:
            yield Finding(examine.__name__.strip("_"), Verdict.BROKEN, str(error), " ".join(error.advice))


def _python() -> Finding:
    return Finding("Python", Verdict.OK, f"{sys.version.split()[0]} at {sys.executable}")


def _disk(folder: Path) -> Finding:
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < EMPTY_DISK_BYTES:
        return Finding(
            "disk", Verdict.BROKEN, f"{size(free)} free at {place}", "Make room: submits get 507 soon."
        )
    if free < LOW_DISK_BYTES:
        return Finding(
            "disk", Verdict.WARNING, f"{size(free)} free at {place}", "Make room before it is full."
        )
    return Finding("disk", Verdict.OK, f"{size(free)} free at {place}")


def _log_file(path: Path) -> Finding:
    try:
        with path.open("rb") as file:
            magic = file.read(len(SQLITE_MAGIC))
    except FileNotFoundError:
        return Finding(
            "log",
            Verdict.WARNING,
            f"there is none at {path}",
            "Right before the first start and on the distributed engine, or EVOKE_DATA_DIR.",
        )
    except OSError as error:
        return Finding(
            "log", Verdict.BROKEN, f"{path}: {error.strerror}", "Who owns the file? evoke must write to it."
        )
    if magic not in (SQLITE_MAGIC, b""):
        return Finding(
            "log", Verdict.BROKEN, f"{path} is no SQLite file", "Restore it from a backup; evoke won't start."
        )
    return Finding("log", Verdict.OK, f"{path}, {size(path.stat().st_size)}")


def _clock(date: str | None) -> Finding:
    if date is None:
        return Finding("clock", Verdict.WARNING, "the API does not tell its time")
    try:
        skew_s = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return Finding("clock", Verdict.WARNING, f"the API's time is not readable: {date!r}")
    if abs(skew_s) > CLOCK_S:
        found = f"{duration(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} the API's"
        return Finding(
            "clock", Verdict.WARNING, found, "Set both by NTP: times shown will be wrong, orders won't."
        )
    return Finding("clock", Verdict.OK, "agrees with the API's")


def _ready(connection: Connection) -> Finding:
    try:
        connection.request("GET", "/readyz")
    except CommandFailed as error:
        return Finding(
            "readiness", Verdict.BROKEN, str(error), "Wait while it starts; if it stays, read the API's log."
        )
    return Finding("readiness", Verdict.OK, "takes requests")


def _queues(connection: Connection) -> Iterator[Finding]:
    for line in connection.get("/v1/queues")["items"]:
        name, waiting = line["name"], sum(line["depth"].values())
        if line["workers"]:
            workers = f"{line['workers']} worker{'' if line['workers'] == 1 else 's'}"
            yield Finding("queue", Verdict.OK, f"{name}: {workers}, {waiting} waiting")
            continue
        advice = "Start a worker that serves it: evoke up --models ..., or a sidecar with EVOKE_QUEUE."
        verdict = Verdict.BROKEN if waiting else Verdict.WARNING
        yield Finding("queue", verdict, f"{name}: no worker, {waiting} waiting", advice)


def _dead_letters(connection: Connection) -> Iterator[Finding]:
    letters = connection.pages("/v1/dlq", {}, 100)
    if letters:
        many = f"{len(letters)}{' or more' if len(letters) == 100 else ''}"
        yield Finding(
            "dead letters", Verdict.WARNING, many, "See why: evoke dlq list. Then replay or purge them."
        )
    else:
        yield Finding("dead letters", Verdict.OK, "none")


def _archive(connection: Connection) -> Iterator[Finding]:
    """Look for the newest job that should be archived by now."""
    until = (datetime.now(UTC) - timedelta(seconds=LAG_S)).isoformat(timespec="milliseconds")
    jobs = connection.pages("/v1/jobs", {"until": until}, 1)
    if not jobs:
        yield Finding("archive", Verdict.OK, "nothing to archive yet")
        return
    job_id = str(jobs[0]["id"]).replace("'", "")
    sql = f"select count(*) from job_events where job_id = '{job_id}'"  # noqa: S608  # the API's own id
    answer = connection.post("/v1/query", {"sql": sql})
    if answer["rows"][0][0]:
        yield Finding("archive", Verdict.OK, f"less than {duration(LAG_S)} behind")
    else:
        found = f"job {job_id} is not in it after {duration(LAG_S)}"
        yield Finding("archive", Verdict.BROKEN, found, "Does the archiver run? Read its log.")
