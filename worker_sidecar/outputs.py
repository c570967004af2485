"""A run's outputs on their way from the model to the blob store, streamed: a few chunks of each in memory at most."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from evoke.domain.errors import ErrorClass, ModelFailed
from evoke.domain.events import Artifact
from evoke.ports.blob_store import BlobInfo, BlobStore
from evoke.ports.model_client import OutputBytes, OutputStarted
from worker_sidecar.attempt_trace import UploadTrace

MAX_OUTPUTS = 1000
MAX_OUTPUT_BYTES = 8 << 30
MAX_DETAILS_BYTES = 16 << 10
CHUNKS = 2

MEDIA_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}(; ?[a-z]+=[A-Za-z0-9_-]+)*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Outputs:
    """The outputs of one attempt. `prefix`: `<tenant>/<job>/<attempt>/`."""

    def __init__(self, store: BlobStore, prefix: str, trace: UploadTrace | None = None) -> None:
        """trace: told of every output that is stored."""
        self._store = store
        self._prefix = prefix
        self._trace = trace
        self._started: dict[str, tuple[OutputStarted, _Upload]] = {}

    def start(self, message: OutputStarted) -> None:
        """Begin to store an output. Raises ModelFailed for a name, a media type or details that are not acceptable."""
        if len(self._started) >= MAX_OUTPUTS:
            raise ModelFailed(ErrorClass.MODEL_ERROR, f"the model has more than {MAX_OUTPUTS} outputs")
        if not _NAME.fullmatch(message.name) or not MEDIA_TYPE.fullmatch(message.media_type):
            named = f"{message.name[:80]!r} of type {message.media_type[:80]!r}"
            raise ModelFailed(ErrorClass.MODEL_ERROR, f"the model names an output {named}")
        if message.details and encoded_size(message.details) > MAX_DETAILS_BYTES:
            raise ModelFailed(ErrorClass.MODEL_ERROR, f"the details of output {message.name} are too long")
        upload = _Upload(self._store, self._prefix + message.name, message.media_type, self._trace)
        self._started[message.name] = (message, upload)

    async def write(self, message: OutputBytes) -> None:
        """Hand on bytes; waits while the store is behind. Raises what the store raised."""
        await self._started[message.name][1].write(message.data, message.last)

    async def stored(self) -> tuple[Artifact, ...]:
        """Wait until everything is durable and describe it, in the model's order. Raises what the store raised."""
        return tuple([_artifact(start, await upload.stored()) for start, upload in self._started.values()])

    async def close(self) -> None:
        """Give up what is not stored yet. Idempotent."""
        for _, upload in self._started.values():
            await upload.close()


def encoded_size(value: Mapping[str, Any]) -> int:
    """Bytes of an object as JSON."""
    return len(msgspec.json.encode(value))


class _Upload:
    """One output: the run feeds it, a task of its own stores it."""

    def __init__(self, store: BlobStore, key: str, media_type: str, trace: UploadTrace | None) -> None:
        self._key = key
        self._trace = trace
        self._begun_ns = time.time_ns()
        self._chunks: list[bytes] = []
        self._size_bytes = 0
        self._complete = False
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(store.put(key, self._feed(), media_type), name=f"put {key}")
        self._task.add_done_callback(self._done)

    async def write(self, data: bytes, last: bool) -> None:
        self._size_bytes += len(data)
        if self._size_bytes > MAX_OUTPUT_BYTES:
            raise ModelFailed(ErrorClass.MODEL_ERROR, f"an output has more than {MAX_OUTPUT_BYTES} bytes")
        while len(self._chunks) >= CHUNKS and not self._task.done():
            self._changed.clear()
            await self._changed.wait()
        if self._task.done():
            self._task.result()
        if data:
            self._chunks.append(data)
        self._complete = last
        self._changed.set()

    def _done(self, task: asyncio.Task[BlobInfo]) -> None:
        self._changed.set()
        if self._trace is not None and not task.cancelled() and task.exception() is None:
            self._trace.stored(self._key.rpartition("/")[2], self._size_bytes, self._begun_ns)

    async def stored(self) -> BlobInfo:
        return await self._task

    async def close(self) -> None:
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.exception()

    async def _feed(self) -> AsyncIterator[bytes]:
        while True:
            while not self._chunks and not self._complete:
                self._changed.clear()
                await self._changed.wait()
            if not self._chunks:
                return
            chunk = self._chunks.pop(0)
            self._changed.set()
            yield chunk


def _artifact(start: OutputStarted, info: BlobInfo) -> Artifact:
    details: dict[str, Any] = dict(start.details)
    return Artifact(
        name=start.name,
        media_type=start.media_type,
        size_bytes=info.size_bytes,
        sha256=info.sha256,
        key=info.key,
        details=details,
    )
