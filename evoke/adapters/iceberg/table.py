"""The table `job_events`: its columns, its partitions, its properties, and rows as Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import DayTransform, HourTransform, IdentityTransform, TimeTransform
from pyiceberg.types import NestedField, StringType, TimestamptzType

from evoke.ports.archive import EventRow

Period = Literal["hour", "day"]
PERIOD_MS: dict[Period, int] = {"hour": 3_600_000, "day": 86_400_000}
JOB_TIME_ID = 3

SCHEMA = Schema(
    NestedField(1, "tenant", StringType(), required=True),
    NestedField(2, "job_id", StringType(), required=True),
    NestedField(JOB_TIME_ID, "job_time", TimestamptzType(), required=True),
    NestedField(4, "queue", StringType(), required=True),
    NestedField(5, "model", StringType(), required=True),
    NestedField(6, "type", StringType(), required=True),
    NestedField(7, "attempt", StringType(), required=False),
    NestedField(8, "time", TimestamptzType(), required=True),
    NestedField(9, "topic", StringType(), required=True),
    NestedField(10, "position", StringType(), required=True),
    NestedField(11, "payload", StringType(), required=True),
)
SORTED_BY = ("job_id", "topic", "position")
SORT_ORDER = SortOrder(
    *(SortField(SCHEMA.find_field(name).field_id, transform=IdentityTransform()) for name in SORTED_BY)
)

PROPERTIES = {
    "format-version": "2",
    # A commit that lost a race must fail: PyIceberg would otherwise rebase it and write the rows twice.
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "50",
    "write.metadata.previous-versions-max": "5",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.parquet.compression-codec": "zstd",
    "write.target-file-size-bytes": str(512 << 20),
    # Whole bounds of the columns that files are picked by, none of the long ones.
    "write.metadata.metrics.default": "counts",
    "write.metadata.metrics.column.tenant": "full",
    "write.metadata.metrics.column.job_id": "full",
    "write.metadata.metrics.column.job_time": "full",
    "write.metadata.metrics.column.time": "full",
}


def properties(row_group_rows: int) -> dict[str, str]:
    """Return the table's properties. Rows are sorted by id, so that a look-up decodes one row group of a file."""
    return {**PROPERTIES, "write.parquet.row-group-limit": str(row_group_rows)}


def partition_spec(period: Period) -> PartitionSpec:
    """Return the partitioning by the hour or the day inside the job's id."""
    transform: TimeTransform[int] = HourTransform() if period == "hour" else DayTransform()
    return PartitionSpec(PartitionField(JOB_TIME_ID, 1000, transform, f"job_{period}"))


def period_of(spec: PartitionSpec) -> Period:
    """Return the period of a partitioning of this table."""
    return "hour" if isinstance(spec.fields[0].transform, HourTransform) else "day"


def arrow_of(rows: Sequence[EventRow]) -> pa.Table:
    """Return the rows as a sorted Arrow table of the table's schema."""
    columns = {
        "tenant": [row.tenant for row in rows],
        "job_id": [row.job_id for row in rows],
        "job_time": _times([row.job_time_ms for row in rows]),
        "queue": [row.queue for row in rows],
        "model": [row.model for row in rows],
        "type": [row.type for row in rows],
        "attempt": pa.array([row.attempt for row in rows], pa.string()),
        "time": _times([row.time_ms for row in rows]),
        "topic": [row.topic for row in rows],
        "position": [row.position for row in rows],
        "payload": [row.payload for row in rows],
    }
    return sorted_table(pa.table(columns))


def sorted_table(table: pa.Table) -> pa.Table:
    """Return the table sorted as files are: by job, topic and position, in the schema's types."""
    ordered = table.sort_by([(name, "ascending") for name in SORTED_BY])
    return ordered.cast(schema_to_pyarrow(SCHEMA, include_field_ids=False))


def _times(values_ms: list[int]) -> pa.Array:
    """Microseconds are what Iceberg keeps."""
    return pa.array([value * 1000 for value in values_ms], pa.timestamp("us", tz="UTC"))
