"""How a blob lies on the disk.

Its file holds its bytes, then a trailer: JSON that describes them, that JSON's length, a magic word. The parts of a key
are the names of folders, the last one with `.blob` is the file's, so that the keys `a` and `a/b` can both exist.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import struct
import threading
from pathlib import Path
from typing import Protocol

import msgspec

from evoke.domain.blob_keys import stored_folder, stored_name
from evoke.domain.errors import BlobExists, BlobMissing, Unavailable
from evoke.ports.blob_store import BlobInfo

_MAGIC = b"EVOKEBLB"
_END = struct.Struct(">I8s")
_MAX_TRAILER_BYTES = 4096
_TRIES = 100  # each needs another delete to have come between


class Digest(Protocol):
    """A hash that bytes are fed into."""

    def update(self, data: bytes, /) -> None:
        """Feed bytes."""

    def hexdigest(self) -> str:
        """The digest so far, in hex."""


class _Trailer(msgspec.Struct, frozen=True):
    media_type: str
    size_bytes: int
    sha256: str


class Draft:
    """A blob that is being written. Locked, so that a sweep knows it from what a dead writer left."""

    def __init__(self, folder: Path) -> None:
        """Make a temporary file. Raises OSError."""
        self._path, self._descriptor = _locked_file(folder)
        self._busy = threading.Lock()  # a cancelled put discards while a thread still writes
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Add bytes. Raises OSError."""
        with self._busy:
            self._add(chunk)

    def publish(self, path: Path, key: str, media_type: str, last: bytes = b"") -> BlobInfo:
        """Add the last bytes, make all durable, give it its name, discard the temporary one.

        Raises BlobExists, OSError: it is not there then.
        """
        with self._busy:
            self._add(last)
            trailer = _Trailer(media_type, self._size_bytes, self._digest.hexdigest())
            encoded = msgspec.json.encode(trailer)
            self._write_all(encoded + _END.pack(len(encoded), _MAGIC))
            os.fsync(self._descriptor)
            self._link(path, key)
            try:
                _sync(path.parent)
            except FileNotFoundError:
                pass  # a delete has removed it again, with its folder
            except OSError:
                path.unlink(missing_ok=True)
                raise
            self._close()
        return BlobInfo(key, media_type, trailer.size_bytes, trailer.sha256)

    @property
    def discarded(self) -> bool:
        """Whether the temporary name is gone."""
        return self._descriptor < 0

    def discard(self) -> None:
        """Remove the temporary name and close the file. Idempotent."""
        with self._busy:
            self._close()

    def _add(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._size_bytes += len(chunk)
        self._write_all(chunk)

    def _close(self) -> None:
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1

    def _link(self, path: Path, key: str) -> None:
        for last in (False,) * (_TRIES - 1) + (True,):
            try:
                _make_folders(path.parent)
                os.link(self._path, path)
            except FileExistsError as error:
                raise BlobExists(f"{key} exists") from error
            except FileNotFoundError:  # a delete has just removed the empty folder
                if last:
                    raise
            else:
                return

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


class Stored:
    """A blob that is open for reading."""

    def __init__(self, path: Path, key: str) -> None:
        """Open it. Raises BlobMissing; Unavailable when it is damaged; OSError."""
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing(f"there is no blob {key}") from None
        self._busy = threading.Lock()  # a cancelled read closes while a thread still reads
        try:
            self.info = _described(self._descriptor, key)
        except BaseException:
            self.close()
            raise

    def read(self, offset: int, size_bytes: int, digest: Digest | None) -> bytes:
        """Read at an offset, feeding `digest`, which is verified at the end. Raises Unavailable, OSError."""
        with self._busy:
            data = os.pread(self._descriptor, size_bytes, offset)
        if len(data) != size_bytes:
            raise Unavailable(f"blob {self.info.key} is damaged: it ends too early")
        if digest is not None:
            digest.update(data)
            if offset + size_bytes == self.info.size_bytes and digest.hexdigest() != self.info.sha256:
                raise Unavailable(f"blob {self.info.key} is damaged: its digest does not fit")
        return data

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._busy:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1


def path_of(root: Path, key: str) -> Path:
    """Where a key's file lies. Raises InvalidInput for one that can't be a path inside the store."""
    return root / stored_name(key)


def folder_of(root: Path, prefix: str) -> Path:
    """Where the files of all keys with that prefix lie. Raises InvalidInput."""
    return root / stored_folder(prefix)


def stat(path: Path, key: str) -> BlobInfo:
    """Describe a blob. Raises BlobMissing; Unavailable when it is damaged; OSError."""
    stored = Stored(path, key)
    stored.close()
    return stored.info


def delete(folder: Path) -> int:
    """Remove all blobs below a folder, and the folders that are empty then; return how many blobs there were."""
    count = 0
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # somebody else deletes too: it is theirs to count
                os.unlink(os.path.join(place, name))
                count += 1
        with contextlib.suppress(OSError):  # not empty: a put goes on here
            os.rmdir(place)
    if count and folder.parent.exists():
        _sync(folder.parent)
    return count


def sweep(folder: Path) -> None:
    """Remove what writers left that are gone."""
    for path in folder.iterdir():
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked_file(folder: Path) -> tuple[Path, int]:
    """Make a file of a new name and lock it. Raises OSError."""
    while True:
        path = folder / secrets.token_hex(16)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # a sweep came between the two, and took it for a dead writer's


def _described(descriptor: int, key: str) -> BlobInfo:
    total = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _MAX_TRAILER_BYTES, max(0, total - _MAX_TRAILER_BYTES))
    try:
        length, magic = _END.unpack(tail[-_END.size :])
        trailer = msgspec.json.decode(tail[-_END.size - length : -_END.size], type=_Trailer)
    except (struct.error, msgspec.DecodeError) as error:
        raise Unavailable(f"blob {key} is damaged: {error}") from error
    if magic != _MAGIC or trailer.size_bytes + length + _END.size != total:
        raise Unavailable(f"blob {key} is damaged: it has the wrong size")
    return BlobInfo(key, trailer.media_type, trailer.size_bytes, trailer.sha256)


def _make_folders(folder: Path) -> None:
    """Make a folder and those above it, durably."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
