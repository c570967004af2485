"""Which files of the table hold what, by the bounds that Iceberg keeps of every file."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evoke.domain.ids import job_time_ms
from evoke.ports.event_log import Position


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One Parquet file. start_ms and end_ms (inclusive), the ids and the tenants bound what its rows hold.

    period: the first and, exclusively, the last Unix ms of its partition.
    """

    path: str
    size_bytes: int
    rows: int
    period: tuple[int, int]
    start_ms: int
    end_ms: int
    ids: tuple[str, str]
    tenants: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """Files of one stretch of time, end_ms exclusive, that shares no job with any other."""

    start_ms: int
    end_ms: int
    files: tuple[PlannedFile, ...]

    @property
    def rows(self) -> int:
        """How many rows its files hold."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class Plan:
    """The files of one snapshot, and the watermark of it. spans: by time, oldest first, without overlap.

    log: which one the watermark is of.
    """

    watermark: Mapping[str, Position] = field(default_factory=dict)
    spans: Sequence[Span] = ()
    log: str | None = None

    def of_job(self, tenant: str, job_id: str) -> list[PlannedFile]:
        """Return the files that may hold events of a job. Raises InvalidInput when that is no job id."""
        time_ms = job_time_ms(job_id)
        return [
            file
            for span in self.between(time_ms, time_ms)
            for file in span.files
            if file.ids[0] <= job_id <= file.ids[1] and may_hold(file, tenant)
        ]

    def between(self, low_ms: int | None, high_ms: int | None) -> Sequence[Span]:
        """Return the spans that overlap the times, both inclusive; None: without bound."""
        first, last = 0, len(self.spans)
        if low_ms is not None:
            first = bisect.bisect_right(self.spans, low_ms, key=lambda span: span.end_ms)
        if high_ms is not None:
            last = bisect.bisect_right(self.spans, high_ms, key=lambda span: span.start_ms)
        return self.spans[first:last]


def may_hold(file: PlannedFile, tenant: str) -> bool:
    """Tell whether rows of the tenant may be in the file."""
    return file.tenants[0] <= tenant <= file.tenants[1]


def spans_of(files: Iterable[PlannedFile]) -> tuple[Span, ...]:
    """Group files into spans: partitions that overlap (the period was changed) make one."""
    groups: list[tuple[int, int, list[PlannedFile]]] = []
    for file in sorted(files, key=lambda file: file.period):
        start_ms, end_ms = file.period
        if groups and start_ms < groups[-1][1]:
            known_start, known_end, members = groups[-1]
            members.append(file)
            groups[-1] = (known_start, max(known_end, end_ms), members)
        else:
            groups.append((start_ms, end_ms, [file]))
    return tuple(Span(start, end, tuple(members)) for start, end, members in groups)


def chunks(spans: Iterable[Span], first_rows: int, most_rows: int) -> Iterator[list[Span]]:
    """Yield runs of neighbouring spans of at most so many rows (at least one span), growing by doubling."""
    chunk: list[Span] = []
    rows, bound = 0, first_rows
    for span in spans:
        if chunk and rows + span.rows > bound:
            yield chunk
            chunk, rows, bound = [], 0, min(most_rows, bound * 2)
        chunk.append(span)
        rows += span.rows
    if chunk:
        yield chunk
