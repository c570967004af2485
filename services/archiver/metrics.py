"""What the archiver counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ArchiverMetrics:
    """The archiver's metrics in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.active = Gauge(
            "evoke_archiver_active", "1 while this process is the one that archives.", registry=registry
        )
        self.waiting = Gauge(
            "evoke_archiver_waiting_rows", "Events read and not archived yet.", registry=registry
        )
        self.rows = Counter("evoke_archiver_rows", "Events archived.", registry=registry)
        self.undecodable = Counter(
            "evoke_archiver_undecodable", "Entries archived that are no events.", registry=registry
        )
        self.conflicts = Counter(
            "evoke_archiver_conflicts", "Commits lost to another writer.", registry=registry
        )
        self.failures = Counter(
            "evoke_archiver_failures",
            "Times that the log or the archive could not be used.",
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "evoke_archiver_commit_seconds", "Duration of one commit.", registry=registry
        )
        self.lag_seconds = Gauge(
            "evoke_archiver_lag_seconds",
            "Age of the oldest event that waits to be archived, at the last commit.",
            registry=registry,
        )
        self.oldest_waiting_seconds = Gauge(
            "evoke_archiver_oldest_waiting_seconds",
            "Age of the oldest event that is read and not archived yet; 0 when none waits.",
            registry=registry,
        )
        self.files = Gauge("evoke_archive_files", "Data files of the archive.", registry=registry)
        self.size_bytes = Gauge(
            "evoke_archive_bytes", "Bytes of the archive's data files.", registry=registry
        )
        self.snapshots = Gauge("evoke_archive_snapshots", "Snapshots kept.", registry=registry)
        self.trims = Counter("evoke_archiver_trims", "Times that a topic was trimmed.", registry=registry)
