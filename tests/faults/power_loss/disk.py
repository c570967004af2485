"""A disk that can lose its power: a SQLite VFS under which only what was synced is sure to last.

Writes go to real files, as into a page cache. A file's *durable* bytes change at its sync alone. When the power goes,
of the writes since the last sync any may have reached the platter, wholly or up to some sector: chance decides. After
that nothing can be written or synced any more, and `restart` leaves what a machine would find.

A failed sync behaves like Linux: it is reported once, the writes stay visible to readers but are taken for clean, so
that the next sync succeeds and makes none of them durable (Rebello et al., USENIX ATC 2020).
"""

from __future__ import annotations

import random
import secrets
import threading
from pathlib import Path

import apsw

SECTOR_BYTES = 512


class FileState:
    """What is known of one file: its durable bytes, and what was written since."""

    def __init__(self, durable: bytes) -> None:
        self.durable = bytearray(durable)
        self.pending: list[
            tuple[int, bytes | None]
        ] = []  # (offset, bytes), or (new size, None) for a truncation

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.durable, offset, data)
        self.pending.clear()

    def survivors(self, chance: random.Random) -> bytes:
        """What lies on the platter after the power went."""
        left = bytearray(self.durable)
        for offset, data in self.pending:
            if chance.random() < 0.5:
                torn = data if data is None or chance.random() < 0.7 else _torn(data, chance)
                _apply(left, offset, torn)
        return bytes(left)


class Disk(apsw.VFS):
    """A VFS of its own name. Faults: `cut`, `fail_syncs`, `full`."""

    def __init__(self, seed: int = 0) -> None:
        self.name = f"disk-{secrets.token_hex(6)}"
        self.lock = threading.RLock()
        self.files: dict[str, FileState] = {}
        self.dead = False
        self.fail_syncs = 0
        self.fail_at_sync = -1
        self.full = False
        self.syncs = 0
        self.writes = 0
        self.cut_at_write: int | None = None
        self.cut_at_truncation = False
        self._chance = random.Random(seed)
        super().__init__(self.name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> DiskFile:  # noqa: N802
        return DiskFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        with self.lock:
            self._alive()
            self.files.pop(filename, None)
            super().xDelete(filename, syncdir)

    def state(self, path: str) -> FileState:
        with self.lock:
            if path not in self.files:
                self.files[path] = FileState(Path(path).read_bytes() if Path(path).exists() else b"")
            return self.files[path]

    def cut(self) -> None:
        """The power goes, now."""
        with self.lock:
            self.dead = True

    def restart(self, folder: Path) -> None:
        """Write what has survived to another folder, under the same names."""
        with self.lock:
            for path, state in self.files.items():
                (folder / Path(path).name).write_bytes(state.survivors(self._chance))

    def fail_after(self, syncs: int) -> None:
        """Let the sync after so many others fail."""
        with self.lock:
            self.fail_at_sync = self.syncs + syncs + 1

    def written(self, path: str, offset: int, data: bytes | None) -> None:
        with self.lock:
            self.writes += 1
            if self.cut_at_write is not None and self.writes >= self.cut_at_write:
                self.dead = True
            self._alive()
            if self.full and data is not None:
                raise apsw.FullError("no space left on device")
            self.state(path).pending.append((offset, data))
            self.dead = self.cut_at_truncation and data is None

    def synced(self, path: str) -> None:
        with self.lock:
            self._alive()
            self.syncs += 1
            if self.fail_syncs > 0 or self.syncs == self.fail_at_sync:
                self.fail_syncs = max(0, self.fail_syncs - 1)
                self.state(path).pending.clear()
                raise apsw.IOError("fsync failed")
            self.state(path).sync()

    def _alive(self) -> None:
        if self.dead:
            raise apsw.IOError("the power is off")


class DiskFile(apsw.VFSFile):
    """A file on the disk."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._path = str(name.filename() if isinstance(name, apsw.URIFilename) else name)
        disk.state(self._path)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.written(self._path, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.written(self._path, newsize, None)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.synced(self._path)
        super().xSync(flags)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        content.extend(bytes(max(0, offset - len(content))))
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _torn(data: bytes, chance: random.Random) -> bytes:
    return data[: SECTOR_BYTES * chance.randint(0, len(data) // SECTOR_BYTES)]
