"""Copies the outputs of jobs that succeeded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from evoke.codec import decode
from evoke.domain.errors import BlobExists, BlobMissing, Unavailable, UndecodableEvent
from evoke.domain.events import Artifact, Succeeded
from evoke.ports.blob_store import BlobStore
from evoke.ports.event_log import LogEntry

AT_ONCE = 8


class ArtifactCopier:
    """Copies blobs under their keys; what is there already is not copied again. Counts what it did."""

    def __init__(self, source: BlobStore, target: BlobStore) -> None:
        self._source, self._target = source, target
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.copied = 0
        self.missing: list[str] = []

    async def copy_for(self, entries: Sequence[LogEntry]) -> None:
        """Copy what these entries publish. Raises Unavailable."""
        copies = [self._copy(artifact) for entry in entries for artifact in _published(entry)]
        for outcome in await asyncio.gather(*copies, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _copy(self, artifact: Artifact) -> None:
        async with self._slots:
            try:
                await self._source.stat(artifact.key)
                info = await self._target.put(
                    artifact.key, self._source.read(artifact.key), artifact.media_type
                )
            except BlobMissing:
                self.missing.append(artifact.key)
                return
            except BlobExists:
                info = await self._target.stat(artifact.key)
            else:
                self.copied += 1
        if info.sha256 != artifact.sha256:
            raise Unavailable(
                f"{artifact.key}: what lies there is not what the log tells of (sha256 differs)"
            )


def _published(entry: LogEntry) -> Sequence[Artifact]:
    try:
        event = decode(entry.payload)
    except UndecodableEvent:
        return ()
    return event.artifacts if isinstance(event, Succeeded) else ()
