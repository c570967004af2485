"""Blobs as files. See `evoke/ports/blob_store.py` for what is promised.

A blob is one file (see `files.py` for what is in it). It is written under a temporary name, made durable, and only
then given its name by `link(2)`, which fails where the name exists: so a key is absent or whole at every moment, and
of concurrent puts one wins.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from evoke.adapters.directory import files
from evoke.domain.errors import BlobExists, BlobMissing, EvokeError, InvalidInput, StorageFull, Unavailable
from evoke.ports.blob_store import BlobInfo

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
_THREADS = 8


class DirectoryBlobStore:
    """A `BlobStore` in a folder of the local file system."""

    def __init__(self, folder: Path) -> None:
        """folder: where the blobs lie; made at the first use, when what crashed writers left is removed too."""
        self._blobs = folder / "blobs"
        self._drafts = folder / "drafts"
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        self._swept = False
        self._closed = False

    async def put(self, key: str, data: AsyncIterator[bytes], media_type: str) -> BlobInfo:
        """Store bytes durably; see `BlobStore.put`."""
        path = files.path_of(self._blobs, key)
        draft = await self._run(self._new_draft, path, key)
        try:
            last = b""
            async for chunk in data:  # one behind, so that the last chunk and the end are one piece of work
                if last:
                    await self._run(draft.write, last)
                last = chunk
            return await self._run(draft.publish, path, key, media_type, last)
        finally:
            if not draft.discarded:
                await self._discard(draft)

    async def stat(self, key: str) -> BlobInfo:
        """Describe a blob; see `BlobStore.stat`. Raises Unavailable when it is damaged."""
        path = files.path_of(self._blobs, key)
        return await self._run(files.stat, path, key)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a blob's bytes; see `BlobStore.read`.

        Raises InvalidInput for a negative start or length, Unavailable when it is damaged: the digest of a blob that
        is read whole is verified before its last chunk is given out.
        """
        if start < 0 or (length is not None and length < 0):
            raise InvalidInput("range", "must not be negative")
        path = files.path_of(self._blobs, key)
        stored = await self._run(files.Stored, path, key)
        try:
            size = stored.info.size_bytes
            end = size if length is None else min(size, start + length)
            digest = hashlib.sha256() if (start, end) == (0, size) else None
            for offset in range(start, end, CHUNK_BYTES):
                chunk = await self._run(stored.read, offset, min(CHUNK_BYTES, end - offset), digest)
                yield chunk
        finally:
            stored.close()

    async def url(
        self, key: str, *, expires_s: float, media_type: str | None = None, disposition: str | None = None
    ) -> str | None:
        """None: the API serves what lies here. Raises InvalidInput for a key that leaves the store."""
        files.path_of(self._blobs, key)
        return None

    async def delete(self, prefix: str) -> int:
        """Remove blobs; see `BlobStore.delete`."""
        folder = files.folder_of(self._blobs, prefix)
        return await self._run(files.delete, folder)

    async def close(self) -> None:
        """Finish what is under way and release the threads. Idempotent."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)

    def _new_draft(self, path: Path, key: str) -> files.Draft:
        if path.exists():
            raise BlobExists(f"{key} exists")
        self._drafts.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            self._swept = True
            files.sweep(self._drafts)
        return files.Draft(self._drafts)

    async def _discard(self, draft: files.Draft) -> None:
        if self._closed:
            draft.discard()
        else:
            await asyncio.shield(self._run(draft.discard))

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        """Do blocking work on a thread; its errors become evoke's."""
        if self._closed:
            raise Unavailable("the blob store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        except OSError as error:
            raise _translated(error) from error


def _translated(error: OSError) -> EvokeError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("no space is left for blobs")
    if error.errno == errno.ENOENT:
        return BlobMissing("no blob of that key exists")
    return Unavailable(f"the blob store does not answer: {error.strerror or error}")
