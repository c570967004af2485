"""Ports of this machine's addresses: which are free, which are taken."""

from __future__ import annotations

import random
import socket

from infrastructure.local.stack.errors import StackFailed
from infrastructure.local.stack.server import LOOPBACK

FREE_PORTS = range(15_000, 32_000)
"""Below what Linux and macOS begin connections at."""


def free_port(host: str = LOOPBACK) -> int:
    """Return a port of an address of this machine that nobody listens on now.

    It is none of those that connections begin at: a client that tries again and again to reach a server that is down
    would sooner or later reach itself, and hold the server's port.
    """
    for number in random.sample(FREE_PORTS, 100):
        try:
            socket.create_server((host, number)).close()
        except OSError:
            continue
        return number
    raise StackFailed(f"no port is free between {FREE_PORTS.start} and {FREE_PORTS.stop}")


def taken(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether somebody listens on that port."""
    with socket.socket() as attempt:
        attempt.settimeout(1)
        return attempt.connect_ex((host, port)) == 0
