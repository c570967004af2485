"""The archive in an Iceberg table: rows and watermark in one snapshot."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from pyiceberg.exceptions import (
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Summary

from evoke.adapters.iceberg import compaction, expiry
from evoke.adapters.iceberg.home import Home, translated
from evoke.adapters.iceberg.reading import PAGE, newest_time_ms, positions_of, rows_between
from evoke.adapters.iceberg.table import (
    SCHEMA,
    SORT_ORDER,
    Period,
    arrow_of,
    partition_spec,
    period_of,
    properties,
)
from evoke.adapters.iceberg.writing import write_rows
from evoke.domain.errors import Conflict, LogReplaced, Unavailable
from evoke.ports.archive import LOG_PROPERTY, TABLE, WATERMARK_PROPERTY, ArchiveSize, EventRow
from evoke.ports.event_log import Position

_TRIES = 5

T = TypeVar("T")


class IcebergArchive:
    """`Archive` on any PyIceberg catalog.

    Commits compare and set: `commit` goes through only on top of the snapshot that this writer saw last (at
    its last `watermark`, commit or compaction), and the catalog's compare-and-set of the metadata pointer
    decides races.
    """

    def __init__(
        self, home: Home, period: Period = "hour", on_written: Callable[[], None] | None = None
    ) -> None:
        """on_written is called in each commit, after the data files are written and before the snapshot."""
        self._home = home
        self._catalog = home.catalog
        self._identifier = f"{home.namespace}.{TABLE}"
        self._period = period
        self._on_written = on_written or _nothing
        self._seen: int | None = None
        self._commits = asyncio.Lock()
        self._maintenance = asyncio.Lock()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="archive")
        self._swept = False
        self._closed = False

    async def prepare(self) -> None:
        """See `Archive.prepare`."""
        async with self._commits:
            await self._run(self._prepare)

    async def watermark(self) -> Mapping[str, Position]:
        """See `Archive.watermark`."""
        async with self._commits:
            return await self._run(self._read_watermark)

    async def log(self) -> str | None:
        """See `Archive.log`."""
        return await self._run(lambda: log_of(self._load()))

    async def commit(
        self, rows: Sequence[EventRow], watermark: Mapping[str, Position], log: str | None = None
    ) -> None:
        """See `Archive.commit`."""
        async with self._commits:
            await self._run(lambda: self._commit(rows, watermark, log))

    async def continue_with(self, log: str) -> None:
        """See `Archive.continue_with`."""
        async with self._commits:
            await self._run(lambda: self._commit((), {}, log, replaces=True))

    async def newest_ms(self) -> int | None:
        """See `Archive.newest_ms`. By the bounds that the table keeps of each file."""
        return await self._run(lambda: newest_time_ms(self._load()))

    async def rows(self, topic: str, after: Position | None = None) -> AsyncIterator[Sequence[EventRow]]:
        """See `Archive.rows`. What is read is the snapshot of when it began."""
        table = await self._run(self._load)
        positions = await self._run(partial(positions_of, table, topic, after))
        for start in range(0, len(positions), PAGE):
            last = positions[min(start + PAGE, len(positions)) - 1]
            yield await self._run(partial(rows_between, table, topic, after, last))
            after = last

    async def size(self) -> ArchiveSize:
        """See `Archive.size`."""
        return await self._run(self._read_size)

    async def compact(self) -> None:
        """See `Archive.compact`. Open partitions of many files are compacted too. Commits go on meanwhile."""
        async with self._maintenance:
            for group in await self._run(self._plan_compaction):
                written = await self._run(partial(self._rewrite, group))
                async with self._commits:
                    await self._run(partial(self._replace, group, written))

    async def expire_snapshots(self, older_than_ms: int) -> None:
        """See `Archive.expire_snapshots`. A snapshot's age counts from when it was replaced."""
        async with self._maintenance:
            async with self._commits:
                expired = await self._run(lambda: self._expire(older_than_ms))
            # Once for each process, what a writer left behind that was killed; then what expired.
            if expired or not self._swept:
                await self._run(lambda: self._sweep(older_than_ms))
                self._swept = True

    async def close(self) -> None:
        """See `Archive.close`."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        self._catalog.close()

    async def _run(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise Unavailable("the archive is closed")
        with translated(self._home.unavailable):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _prepare(self) -> None:
        for attempt in range(_TRIES):
            try:
                with translated(self._home.unavailable):
                    self._make_or_update()
            except (Conflict, TableAlreadyExistsError, Unavailable):
                # Another process prepares the same table at this moment.
                if attempt == _TRIES - 1:
                    raise
                time.sleep(0.05 * 2**attempt)
            else:
                return

    def _make_or_update(self) -> None:
        self._catalog.create_namespace_if_not_exists(self._home.namespace)
        try:
            table = self._catalog.load_table(self._identifier)
        except NoSuchTableError:
            spec = partition_spec(self._period)
            wanted = properties(self._home.row_group_rows)
            self._catalog.create_table(
                self._identifier, SCHEMA, self._home.location, spec, SORT_ORDER, wanted
            )
            return
        wanted = properties(self._home.row_group_rows)
        del wanted["format-version"]
        if any(table.properties.get(key) != value for key, value in wanted.items()):
            table.transaction().set_properties(wanted).commit_transaction()
        if period_of(table.spec()) != self._period:
            self._partition_anew(table)

    def _partition_anew(self, table: Table) -> None:
        new = partition_spec(self._period).fields[0]
        with table.update_spec() as update:
            update.remove_field(table.spec().fields[0].name)
            update.add_field("job_time", new.transform, new.name)

    def _load(self) -> Table:
        try:
            return self._catalog.load_table(self._identifier)
        except NoSuchTableError as error:
            raise Unavailable("the archive was not prepared") from error

    def _read_watermark(self) -> Mapping[str, Position]:
        table = self._load()
        self._seen = _head(table)
        return watermark_of(table)

    def _commit(
        self,
        rows: Sequence[EventRow],
        watermark: Mapping[str, Position],
        log: str | None,
        *,
        replaces: bool = False,
    ) -> None:
        table = self._load()
        if _head(table) != self._seen:
            raise Conflict("another writer has committed to the archive")
        known, known_log = watermark_of(table), log_of(table)
        if log is not None and known_log not in (None, log) and not replaces:
            raise LogReplaced(f"the archive is of the log {known_log}, these events are of {log}")
        if any(row.position <= known.get(row.topic, "") for row in rows):
            raise Conflict("rows before the watermark are archived already")
        transaction = table.transaction()
        properties = _told({**known, **watermark}, log or known_log)
        with transaction.update_snapshot(snapshot_properties=properties).merge_append() as update:
            for file in write_rows(table, arrow_of(rows)) if rows else ():
                update.append_data_file(file)
        self._on_written()
        self._seen = _head(transaction.commit_transaction())

    def _read_size(self) -> ArchiveSize:
        metadata = self._load().metadata
        snapshot = metadata.current_snapshot()
        summary = snapshot.summary if snapshot is not None else None
        return ArchiveSize(
            rows=_total(summary, "total-records"),
            files=_total(summary, "total-data-files"),
            size_bytes=_total(summary, "total-files-size"),
            snapshots=len(metadata.snapshots),
        )

    def _plan_compaction(self) -> list[list[DataFile]]:
        return list(compaction.plan(compaction.partitions(self._load()), _now_ms()))

    def _rewrite(self, group: Sequence[DataFile]) -> list[DataFile]:
        return compaction.rewrite(self._load(), group)

    def _replace(self, old: Sequence[DataFile], new: Sequence[DataFile]) -> None:
        table = self._load()
        alone = _head(table) == self._seen
        transaction = table.transaction()
        properties = _told(watermark_of(table), log_of(table))
        with transaction.update_snapshot(snapshot_properties=properties).overwrite() as update:
            for file in new:
                update.append_data_file(file)
            for file in old:
                update.delete_data_file(file)
        head = _head(transaction.commit_transaction())
        if alone:
            self._seen = head

    def _expire(self, older_than_ms: int) -> bool:
        table = self._load()
        if expired := expiry.expirable(table.metadata, older_than_ms):
            table.maintenance.expire_snapshots().by_ids(expired).commit()
        return bool(expired)

    def _sweep(self, older_than_ms: int) -> None:
        table = self._load()
        self._home.sweep(table, expiry.live_locations(table), older_than_ms)


def watermark_of(table: Table) -> dict[str, Position]:
    """Return the watermark of a table: that of the newest snapshot which tells one."""
    told = _newest(table, WATERMARK_PROPERTY)
    return {topic: Position(position) for topic, position in json.loads(told or "{}").items()}


def log_of(table: Table) -> str | None:
    """Return which log a table is of: what the newest snapshot says that says anything."""
    return _newest(table, LOG_PROPERTY)


def _newest(table: Table, name: str) -> str | None:
    snapshot = table.current_snapshot()
    while snapshot is not None:
        told = snapshot.summary.get(name) if snapshot.summary else None
        if told is not None:
            return str(told)
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None
    return None


def _told(watermark: Mapping[str, Position], log: str | None) -> dict[str, str]:
    """What a snapshot has to tell."""
    told = {WATERMARK_PROPERTY: json.dumps(watermark)}
    return told if log is None else {**told, LOG_PROPERTY: log}


def _total(summary: Summary | None, name: str) -> int:
    return int(summary.get(name) or 0) if summary is not None else 0


def _head(table: Table) -> int | None:
    snapshot = table.current_snapshot()
    return None if snapshot is None else snapshot.snapshot_id


def _nothing() -> None:
    """What happens between the data files and the snapshot, when nobody wants to know."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
