"""The data folder belongs to one running evoke at a time, and the port too: checks that say whose it is."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from evoke.domain.errors import InvalidInput

LOCK_NAME = "evoke-up.lock"
LEAVING_S = 15.0


async def lock_data_folder(folder: Path, url: str, waiting: Callable[[str], None]) -> int:
    """Make the folder and take its lock; returns the lock's file descriptor (inheritable, keep it open).

    An evoke that has died and whose processes are still being ended is waited for. Raises InvalidInput when
    another one runs there, or the folder can't be written to.
    """
    lock = _open_lock(folder)
    deadline = time.monotonic() + LEAVING_S
    while not _try_lock(lock):
        owner = os.pread(lock, 200, 0).decode(errors="replace").split()
        alive = bool(owner) and owner[0].isdecimal() and _is_alive(int(owner[0]))
        if alive or time.monotonic() > deadline:
            os.close(lock)
            told = f"process {owner[0]} at {owner[1]}" if len(owner) > 1 else "another process"
            raise InvalidInput(
                "EVOKE_DATA_DIR (--data-dir)",
                f"{folder} is in use by evoke, {told}; stop that, or name another folder",
            )
        waiting("an earlier evoke in this folder is still stopping")
        await asyncio.sleep(1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {url}\n".encode(), 0)
    os.set_inheritable(lock, True)
    return lock


def free_port(host: str, port: int) -> int:
    """Return the port if it can be listened on, or any free one for 0.

    Raises InvalidInput saying what is in the way.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise InvalidInput(
            "EVOKE_HOST (--host)", f"{host!r} is no address of this machine: {error.strerror}"
        ) from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise _refused(host, port, error) from error
        found: int = probe.getsockname()[1]
        return found


def _refused(host: str, port: int, error: OSError) -> InvalidInput:
    if error.errno == errno.EADDRINUSE:
        return InvalidInput(
            "EVOKE_PORT (--port)",
            f"port {port} of {host} is in use by another program; stop that, or name another port",
        )
    if error.errno == errno.EACCES:
        return InvalidInput("EVOKE_PORT (--port)", f"port {port} needs privileges; name one above 1023")
    return InvalidInput("EVOKE_HOST (--host)", f"can't listen on {host} port {port}: {error.strerror}")


def _open_lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InvalidInput("EVOKE_DATA_DIR (--data-dir)", f"{folder}: {error.strerror}") from error


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
