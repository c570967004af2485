"""Where a container listens: a Unix socket that only its own user may open, or a TCP address."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import grpc


def listen(server: grpc.aio.Server, address: str) -> None:
    """Make the server listen at `unix:PATH` or `HOST:PORT`.

    A Unix socket is made with mode 0600; one that a killed process left behind is removed. Raises OSError when the
    address can't be had, e.g. because somebody listens there.
    """
    path = socket_path(address)
    if path is None:
        _bind(server, address)
        return
    remove_stale(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = os.umask(0o177)  # gRPC makes the socket itself; nobody else may open it, not even for a moment
    try:
        _bind(server, address)
    finally:
        os.umask(before)


def _bind(server: grpc.aio.Server, address: str) -> None:
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"can't listen at {address}: {error}") from error
    if not bound:
        raise OSError(f"can't listen at {address}")


def socket_path(address: str) -> Path | None:
    """The file of a Unix address, None for any other."""
    scheme, _, path = address.partition(":")
    return Path(path.removeprefix("//")) if scheme == "unix" else None


def remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens at. Raises OSError when somebody does, or it is another kind of file."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise OSError(f"{path} exists and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise OSError(f"another process listens at {path}")
