"""Which small files of a partition are worth being one, and making them one.

Size-tiered as in log-structured merge trees (O'Neil et al. 1996; Cassandra's SizeTieredCompactionStrategy):
a file is rewritten only together with files that sum up to at least a quarter of its size, so that a late
event does not cost a partition, and a row is rewritten a logarithmic number of times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.types import TimestamptzType

from evoke.adapters.iceberg.table import JOB_TIME_ID, PERIOD_MS, period_of, sorted_table
from evoke.adapters.iceberg.writing import write_rows

TARGET_BYTES = 32 << 20
"""Compressed size of a file beyond which it is left alone: bounds the memory of a rewrite to some 500 MB."""
OPEN_PARTITION_FILES = 16
"""Files of the same tier that an open partition may have before they are merged."""
CLOSING_MARGIN_MS = 600_000
"""How long after its end a partition counts as open: its jobs are still running."""
_TIER = 4
_LEAST_BYTES = 1 << 20


@dataclass(frozen=True)
class Partition:
    """The files of one partition; end_ms: Unix ms at which no new job's id can fall into it any more."""

    end_ms: int
    files: tuple[DataFile, ...]

    def closed(self, now_ms: int) -> bool:
        """Tell whether its jobs may be taken as ended."""
        return self.end_ms + CLOSING_MARGIN_MS <= now_ms


def partitions(table: Table) -> list[Partition]:
    """Return the partitions of the current snapshot, oldest first."""
    snapshot = table.current_snapshot()
    groups: defaultdict[int, list[DataFile]] = defaultdict(list)
    for manifest in snapshot.manifests(table.io) if snapshot is not None else ():
        for entry in manifest.fetch_manifest_entry(table.io):
            groups[_end_ms(table, entry.data_file)].append(entry.data_file)
    return [Partition(end, tuple(groups[end])) for end in sorted(groups)]


def _end_ms(table: Table, file: DataFile) -> int:
    micros = from_bytes(TimestamptzType(), file.lower_bounds[JOB_TIME_ID])
    period_ms = PERIOD_MS[period_of(table.specs()[file.spec_id])]
    return (int(micros) // 1000 // period_ms + 1) * period_ms


def worth_merging(sizes: Sequence[int], *, closed: bool) -> list[list[int]]:
    """Choose from the files of a partition, given by their sizes in bytes, groups of at least two to merge.

    Returns indexes into `sizes`. A closed partition tends to one file of each tier, an open one is left to
    grow a number of files first.
    """
    small = sorted((size, index) for index, size in enumerate(sizes) if size < TARGET_BYTES)
    groups: list[list[int]] = []
    group: list[int] = []
    total = 0
    for size, index in small:
        if total + size > TARGET_BYTES:
            groups.append(group)
            group, total = [], 0
        elif group and size > max(_TIER * total, _LEAST_BYTES):
            break
        group.append(index)
        total += size
    groups.append(group)
    return [chosen for chosen in groups if len(chosen) >= (2 if closed else OPEN_PARTITION_FILES)]


def plan(found: Iterable[Partition], now_ms: int) -> Iterator[list[DataFile]]:
    """Yield the groups of files that are worth being merged now."""
    for partition in found:
        sizes = [file.file_size_in_bytes for file in partition.files]
        for group in worth_merging(sizes, closed=partition.closed(now_ms)):
            yield [partition.files[index] for index in group]


def rewrite(table: Table, files: Sequence[DataFile]) -> list[DataFile]:
    """Write the rows of these files, sorted, into new ones, which no snapshot names yet. Raises OSError."""
    return write_rows(table, sorted_table(pa.concat_tables([_read(table, file) for file in files])))


def _read(table: Table, file: DataFile) -> pa.Table:
    with table.io.new_input(file.file_path).open() as stream:
        return pq.read_table(stream, use_threads=False)
