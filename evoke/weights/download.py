"""Brings one file of a source to this machine, going on where an earlier try broke off."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path

from evoke.domain.errors import StorageFull, Unavailable
from evoke.ports.weights_source import RemoteFile, WeightsSource

TRIES = 4
"""In a row without a single byte; a try that got further is not counted."""
FIRST_PAUSE_S = 0.5

Told = Callable[[str, int, int | None], None]
"""Called with a file's name, its bytes so far and its size."""


def download(source: WeightsSource, file: RemoteFile, version: str, target: Path, told: Told) -> None:
    """Write the file to `target`, which may hold its beginning. Raises Unavailable, StorageFull and as the source."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fruitless = 0
    while True:
        before = _size(target)
        if before and before == file.size_bytes:
            return
        if file.size_bytes is not None and before > file.size_bytes:
            target.unlink()
        try:
            _go_on(source, file, version, target, told)
        except Unavailable as broken:
            fruitless = 0 if _size(target) > before else fruitless + 1
            if isinstance(broken, StorageFull) or fruitless >= TRIES:
                raise
            time.sleep(FIRST_PAUSE_S * 2**fruitless)
        else:
            return


def _go_on(source: WeightsSource, file: RemoteFile, version: str, target: Path, told: Told) -> None:
    start, pieces = source.read(file, _size(target), version)
    done = start
    try:
        with target.open("r+b" if target.exists() else "wb") as stream:
            stream.truncate(start)
            stream.seek(start)
            for piece in pieces:
                stream.write(piece)
                done += len(piece)
                told(file.name, done, file.size_bytes)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"no space is left for {file.name} in {target.parent}") from error
        raise
    if file.size_bytes is not None and done < file.size_bytes:
        raise Unavailable(f"{file.name} ended after {done} of {file.size_bytes} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
