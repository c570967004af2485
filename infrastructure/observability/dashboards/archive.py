"""The archive: how far it is behind the log, and how it keeps."""

from __future__ import annotations

from infrastructure.observability.dashboards.writing import Dashboard, Panel, Row

ARCHIVE = Dashboard(
    uid="evoke-archive",
    title="evoke / Archive",
    said="Lag, commits, and the table's files.",
    rows=(
        Row(
            "Behind the log",
            (
                Panel(
                    "Oldest event that waits",
                    "0 when nothing waits; the interval between commits in ordinary times.",
                    {"{{instance}}": "evoke_archiver_oldest_waiting_seconds"},
                    "s",
                ),
                Panel(
                    "Lag at the last commit",
                    "Age of the oldest event of a commit when it was done.",
                    {"{{instance}}": "evoke_archiver_lag_seconds"},
                    "s",
                ),
                Panel(
                    "Events that wait",
                    "Read and not archived yet.",
                    {"{{instance}}": "evoke_archiver_waiting_rows"},
                ),
                Panel(
                    "Events archived",
                    "Rows a second.",
                    {"": "sum(rate(evoke_archiver_rows_total[$__rate_interval]))"},
                    "ops",
                ),
            ),
        ),
        Row(
            "Commits",
            (
                Panel(
                    "Time of a commit",
                    "Data files and the snapshot.",
                    {
                        f"p{percent}": f"histogram_quantile({percent / 100:g}, sum by (le) "
                        "(rate(evoke_archiver_commit_seconds_bucket[$__rate_interval])))"
                        for percent in (50, 95)
                    },
                    "s",
                ),
                Panel(
                    "Trouble",
                    "Log or archive not usable; commits lost to others; entries that are no events.",
                    {
                        "failures": "sum(rate(evoke_archiver_failures_total[$__rate_interval]))",
                        "conflicts": "sum(rate(evoke_archiver_conflicts_total[$__rate_interval]))",
                        "undecodable": "sum(rate(evoke_archiver_undecodable_total[$__rate_interval]))",
                    },
                    "ops",
                ),
                Panel(
                    "Files", "Data files, as of the last upkeep.", {"": "max(evoke_archive_files)"}, width=8
                ),
                Panel("Size", "Bytes of the data files.", {"": "max(evoke_archive_bytes)"}, "bytes", 8),
                Panel("Archivers", "Active ones; one is right.", {"": "sum(evoke_archiver_active)"}, width=8),
            ),
        ),
    ),
)
