"""Forgetting old snapshots, and removing the files that no snapshot names."""

from __future__ import annotations

from itertools import pairwise

from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata


def expirable(metadata: TableMetadata, older_than_ms: int) -> list[int]:
    """Return the ids of the snapshots that were replaced before that Unix time in ms.

    A snapshot's age counts from when the next one took its place, not from when it was made: until then it
    was the current one, and readers may still be at work on it.
    """
    ordered = sorted(metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)
    current = metadata.current_snapshot_id
    return [
        old.snapshot_id
        for old, successor in pairwise(ordered)
        if successor.timestamp_ms < older_than_ms and old.snapshot_id != current
    ]


def live_locations(table: Table) -> set[str]:
    """Return the locations of all files that any snapshot, or the metadata itself, names."""
    metadata = table.metadata
    live = {table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
    seen: set[str] = set()
    for snapshot in metadata.snapshots:
        live.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path not in seen:
                seen.add(manifest.manifest_path)
                live.update(entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io))
    return live | seen
