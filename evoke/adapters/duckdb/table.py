"""Reads the archive's Iceberg table: the newest snapshot's files, at the cost of what is new in it.

The catalog is PyIceberg's SQLite catalog, of which a look at one row tells whether anything was committed. Manifests
never change, so each is read once. PyArrow stays out of this process: it would cost its memory.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pyiceberg.conversions import from_bytes
from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.serializers import FromInputFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.transforms import HourTransform
from pyiceberg.types import PrimitiveType, StringType, TimestamptzType

from evoke.adapters.duckdb.plan import Plan, PlannedFile, spans_of
from evoke.domain.errors import Unavailable
from evoke.ports.archive import LOG_PROPERTY, NAMESPACE, TABLE, WATERMARK_PROPERTY
from evoke.ports.event_log import Position

CATALOG_FILE = "catalog.sqlite"
"""As the archive of the embedded engine lays it out; so are the catalog's name and the folder of the table."""
CATALOG_NAME = "evoke"
_POINTER = (
    "SELECT metadata_location FROM iceberg_tables "
    "WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?"
)
_PERIODS_MS = {True: 3_600_000, False: 86_400_000}
_TRIES = 3


class TableReader:
    """The plan of the newest snapshot. Not for use by two threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._io = _ReadOnlyFiles(folder)
        self._location: str | None = None
        self._plan = Plan()
        self._manifests: dict[str, tuple[PlannedFile, ...]] = {}

    def plan(self) -> Plan:
        """Return the plan as of now. Raises Unavailable.

        An archive that does not exist yet reads as empty.
        """
        for _ in range(_TRIES):
            location = self._pointer()
            if location == self._location or location is None:
                return self._plan
            try:
                self._plan = self._read(location)
                self._location = location
            except FileNotFoundError:
                # Replaced and removed between the look at the pointer and here: look again.
                continue
            return self._plan
        raise Unavailable("the archive's metadata is being replaced faster than it can be read")

    def forget(self) -> None:
        """Read the snapshot anew at the next call, whatever the pointer says."""
        self._location = None

    def _pointer(self) -> str | None:
        path = self._folder / CATALOG_FILE
        if not path.exists():
            return None
        try:
            # Not read-only: SQLite must be able to roll back what a killed writer left.
            with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=5)) as connection:
                row = connection.execute(_POINTER, (CATALOG_NAME, NAMESPACE, TABLE)).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise Unavailable(f"the archive's catalog: {error}") from error
        return None if row is None else str(row[0])

    def _read(self, location: str) -> Plan:
        metadata = FromInputFile.table_metadata(self._io.new_input(location))
        snapshot = metadata.current_snapshot()
        if snapshot is None:
            return Plan()
        manifests = {
            manifest.manifest_path: self._manifests.get(manifest.manifest_path)
            or tuple(self._files(metadata, manifest))
            for manifest in snapshot.manifests(self._io)
        }
        self._manifests = manifests
        files = (file for found in manifests.values() for file in found)
        return Plan(_watermark(metadata), spans_of(files), _newest(metadata, LOG_PROPERTY))

    def _files(self, metadata: TableMetadata, manifest: ManifestFile) -> Iterator[PlannedFile]:
        for entry in manifest.fetch_manifest_entry(self._io):
            yield self._file(metadata, entry.data_file)

    def _file(self, metadata: TableMetadata, file: DataFile) -> PlannedFile:
        schema = metadata.schema()
        transform = metadata.specs()[file.spec_id].fields[0].transform

        def bounds(name: str, kind: PrimitiveType) -> tuple[str, str]:
            column = schema.find_field(name).field_id
            low, high = file.lower_bounds[column], file.upper_bounds[column]
            return from_bytes(kind, low), from_bytes(kind, high)

        start_ms, end_ms = (int(micros) // 1000 for micros in bounds("job_time", TimestamptzType()))
        period_ms = _PERIODS_MS[isinstance(transform, HourTransform)]
        first = start_ms // period_ms * period_ms
        return PlannedFile(
            path=str(self._io.path(file.file_path)),
            size_bytes=file.file_size_in_bytes,
            rows=file.record_count,
            period=(first, first + period_ms),
            start_ms=start_ms,
            end_ms=end_ms,
            ids=bounds("job_id", StringType()),
            tenants=bounds("tenant", StringType()),
        )


def _watermark(metadata: TableMetadata) -> dict[str, Position]:
    told = _newest(metadata, WATERMARK_PROPERTY)
    return {topic: Position(position) for topic, position in json.loads(told or "{}").items()}


def _newest(metadata: TableMetadata, name: str) -> str | None:
    """What the newest snapshot says that says anything."""
    snapshot = metadata.current_snapshot()
    while snapshot is not None:
        told = snapshot.summary.get(name) if snapshot.summary else None
        if told is not None:
            return str(told)
        parent = snapshot.parent_snapshot_id
        snapshot = metadata.snapshot_by_id(parent) if parent is not None else None
    return None


class _ReadOnlyFiles(FileIO):
    """PyIceberg's door to the table's metadata, wherever the data directory was when it was written."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def path(self, location: str) -> Path:
        """Return where the file of that location lies."""
        return self._folder / TABLE / location.rpartition(f"/{TABLE}/")[2]

    def new_input(self, location: str) -> _LocalInput:
        """Describe a file to read."""
        return _LocalInput(location, self.path(location))

    def new_output(self, location: str) -> OutputFile:
        """Raises PermissionError, always."""
        raise PermissionError("history only reads")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Raises PermissionError, always."""
        raise PermissionError("history only reads")


class _LocalInput(InputFile):
    def __init__(self, location: str, path: Path) -> None:
        super().__init__(location)
        self._path = path

    def __len__(self) -> int:
        return self._path.stat().st_size

    def exists(self) -> bool:
        return self._path.exists()

    def open(self, seekable: bool = True) -> io.BufferedReader:
        return self._path.open("rb")
