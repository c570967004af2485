"""Rows to Parquet files that no snapshot names yet.

PyIceberg's own `append` would need its Rust library for partitions by hour; the partition of a time is
one division.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.io.pyarrow import write_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey
from pyiceberg.table import Table, WriteTask

from evoke.adapters.iceberg.table import PERIOD_MS, SCHEMA, period_of

FILE_BYTES = 512 << 20
"""Uncompressed size of the rows in one file, at most."""


def write_rows(table: Table, rows: pa.Table) -> list[DataFile]:
    """Write sorted rows of the table's schema, one file or more for each partition. Raises OSError."""
    write_uuid = uuid.uuid4()
    numbers = itertools.count()
    tasks = (
        WriteTask(
            write_uuid=write_uuid,
            task_id=next(numbers),
            schema=SCHEMA,
            record_batches=piece.combine_chunks().to_batches(),
            partition_key=_key(table, value),
        )
        for value, part in _split(table, rows)
        for piece in _pieces(part)
    )
    return list(write_file(table.io, table.metadata, tasks))


def _split(table: Table, rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield the number of each partition (hours or days since 1970) and its rows, in their order."""
    period_us = PERIOD_MS[period_of(table.spec())] * 1000
    values = pc.divide(rows["job_time"].cast(pa.int64()), period_us)
    for value in sorted(pc.unique(values).to_pylist()):
        yield value, rows.filter(pc.equal(values, value))


def _pieces(rows: pa.Table) -> Iterator[pa.Table]:
    length = max(1, rows.num_rows * FILE_BYTES // max(rows.nbytes, 1))
    for start in range(0, rows.num_rows, length):
        yield rows.slice(start, length)


def _key(table: Table, value: int) -> PartitionKey:
    spec = table.spec()
    return PartitionKey([PartitionFieldValue(spec.fields[0], value)], spec, SCHEMA)
