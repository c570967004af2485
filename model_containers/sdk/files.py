"""The input files of a run: received before it starts, in memory while small, else on disk."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, cast

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk.errors import InvalidInput

IN_MEMORY_BYTES = 4 << 20
MAX_BYTES = 512 << 20
"""Of all files of one run together."""


class InputFiles:
    """Open files by name; closed, and gone, at the end of the block."""

    def __init__(self, names: Sequence[str]) -> None:
        self._stack = ExitStack()
        self._files = {
            name: self._stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115 - the stack closes it
            for name in names
        }

    def __enter__(self) -> dict[str, BinaryIO]:
        return {name: cast(BinaryIO, file) for name, file in self._files.items()}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    async def fill(self, requests: AsyncIterator[pb.GenerateRequest]) -> None:
        """Receive the bytes of every file. Raises InvalidInput for too many bytes, strange names, a missing end."""
        open_names, total = set(self._files), 0
        while open_names:
            request = await anext(requests, None)
            chunk = request.chunk if request is not None and request.WhichOneof("part") == "chunk" else None
            if chunk is None or chunk.name not in open_names:
                raise InvalidInput("", "the bytes of the input files are not as announced")
            total += len(chunk.data)
            if total > MAX_BYTES:
                raise InvalidInput(chunk.name, f"input files may have {MAX_BYTES} bytes at most")
            self._files[chunk.name].write(chunk.data)
            if chunk.last:
                self._files[chunk.name].seek(0)
                open_names.discard(chunk.name)


async def receive_files(names: Sequence[str], requests: AsyncIterator[pb.GenerateRequest]) -> InputFiles:
    """Receive the announced files. Raises as `InputFiles.fill`."""
    files = InputFiles(names)
    try:
        await files.fill(requests)
    except BaseException:
        files.__exit__(None, None, None)
        raise
    return files
