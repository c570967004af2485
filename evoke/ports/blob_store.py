"""Bytes of artifacts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class BlobInfo(msgspec.Struct, frozen=True):
    """What is stored under a key. sha256 is hex of the whole."""

    key: str
    media_type: str
    size_bytes: int
    sha256: str


class BlobStore(Protocol):
    """Create-only storage. Keys are `/`-separated names (`<tenant>/<job>/<attempt>/<name>`).

    A key is either absent or holds its whole bytes, at every moment, through crashes. Raises InvalidInput for keys that
    would leave the store (`..`, empty parts, a leading `/`), Unavailable or StorageFull when the store can't do it now.
    """

    async def put(self, key: str, data: AsyncIterator[bytes], media_type: str) -> BlobInfo:
        """Store the bytes durably. Raises BlobExists when the key exists; of concurrent puts exactly one wins."""
        ...

    async def stat(self, key: str) -> BlobInfo:
        """Describe a blob. Raises BlobMissing."""
        ...

    def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` (at most `length`), in chunks of at most 1 MiB. Raises BlobMissing."""
        ...

    async def url(
        self, key: str, *, expires_s: float, media_type: str | None = None, disposition: str | None = None
    ) -> str | None:
        """A URL from which the holder may read the blob for a while, None where the API has to serve it itself.

        media_type, disposition: the `Content-Type`, None for the stored one, and the `Content-Disposition` with
        which the bytes come from there.
        """
        ...

    async def delete(self, prefix: str) -> int:
        """Remove every blob whose key starts with `prefix` (which must end in `/`); return how many there were."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...
