"""What was read from the log and is not archived yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoke.ports.event_log import LogEntry, Position

BATCH_BYTES = 32 << 20
"""Size of the payloads in one commit, at most (but for a single tail batch): bounds the memory."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """When to commit. interval_s: longest time that an entry waits; max_rows: most entries of one commit."""

    interval_s: float
    max_rows: int


class Batch:
    """Entries in the order in which they were read, bounded by rows, by bytes and by the age of the first."""

    def __init__(self, pace: Pace) -> None:
        self._max_rows = pace.max_rows
        self._interval_s = pace.interval_s
        self._entries: list[LogEntry] = []
        self._bytes = 0
        self._since_s = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def first(self) -> LogEntry | None:
        """What has waited longest, None when nothing waits. From any thread."""
        return next(iter(self._entries), None)

    def add(self, entries: Sequence[LogEntry], now_s: float) -> None:
        """Add entries that were read at `now_s`, monotonic seconds."""
        if not self._entries:
            self._since_s = now_s
        self._entries.extend(entries)
        self._bytes += sum(len(entry.payload) for entry in entries)

    @property
    def full(self) -> bool:
        """Whether it holds as much as a commit may."""
        return len(self._entries) >= self._max_rows or self._bytes >= BATCH_BYTES

    def due_in_s(self, now_s: float) -> float | None:
        """Seconds until the batch has to be committed, 0 when it is due; None while it is empty."""
        if not self._entries:
            return None
        if self.full:
            return 0.0
        return max(0.0, self._since_s + self._interval_s - now_s)

    def take(self) -> Sequence[LogEntry]:
        """Take out the oldest entries, as many as one commit may hold. What is left is as old as before."""
        head = self._entries[: self._max_rows]
        self._bytes -= sum(len(entry.payload) for entry in head)
        del self._entries[: len(head)]
        return head


def watermark_of(entries: Sequence[LogEntry]) -> Mapping[str, Position]:
    """Return for each topic the position of its last entry."""
    return {entry.topic: entry.position for entry in entries}
