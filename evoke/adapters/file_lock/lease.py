"""A lease by `flock` on a file: the kernel takes it back from a process that dies, at once."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from evoke.domain.errors import Unavailable

_POLL_S = 0.25


class FileLockLease:
    """`Lease` between processes that share a local disk. Waits by polling: a blocked flock cannot be cancelled."""

    def __init__(self, path: Path) -> None:
        """The file is made by `acquire`, and stays: removing it would let two processes lock two files."""
        self._path = path
        self._descriptor: int | None = None

    async def acquire(self) -> None:
        """See `Lease.acquire`."""
        if self._descriptor is not None:
            return
        descriptor = self._open()
        try:
            while not _locked(descriptor):  # noqa: ASYNC110  # another process's lock sets no event here
                await asyncio.sleep(_POLL_S)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    async def release(self) -> None:
        """See `Lease.release`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"the lease's file: {error}") from error


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
