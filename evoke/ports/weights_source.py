"""Where the weights of one model come from: a repository, a file on the web, objects in a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec


class RemoteFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file. name: its path below the model's folder, with `/`; a lone file's own name.

    size_bytes, sha256, git_sha1 (of `blob SIZE\\0` and the content, as git names it): where the source knows them.
    """

    name: str
    size_bytes: int | None = None
    sha256: str | None = None
    git_sha1: str | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a source holds. version: a commit or an entity tag; the same version has the same bytes, "" is unknown.

    single: it is one file, and no folder of files.
    """

    files: Sequence[RemoteFile]
    version: str
    single: bool = False


class WeightsSource(Protocol):
    """A source. Blocking; used by one thread at a time."""

    def listing(self) -> Listing:
        """What there is. Raises NotFound, InvalidInput (not allowed, with what to do), Unavailable."""
        ...

    def read(self, file: RemoteFile, start: int, version: str) -> tuple[int, Iterator[bytes]]:
        """Read a file from byte `start`; returns where the bytes really begin: at `start`, or at 0.

        They begin at 0 when the source can't go on in the middle, or its bytes are no longer those of `version`.
        The iterator ends at the end of the file, or raises Unavailable where it breaks off. Raises as `listing`.
        """
        ...

    def close(self) -> None:
        """Release connections. Idempotent."""
        ...
