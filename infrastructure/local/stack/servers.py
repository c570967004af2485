"""The servers of the stack, in the order in which they start."""

from __future__ import annotations

from collections.abc import Sequence

from infrastructure.local.stack import nessie, pulsar, trino, versitygw
from infrastructure.local.stack.errors import StackFailed
from infrastructure.local.stack.server import Server

SERVERS: tuple[Server, ...] = (pulsar.SERVER, versitygw.SERVER, nessie.SERVER, trino.SERVER)


def in_order(names: Sequence[str]) -> list[Server]:
    """Return these servers (all, when none is named) and those that they need, in the order of their start.

    Raises StackFailed for a name that no server has.
    """
    known = {server.name: server for server in SERVERS}
    if unknown := [name for name in names if name not in known]:
        raise StackFailed(f"there is no server {unknown[0]!r}; there are {', '.join(known)}")
    wanted = set(names or known)
    for server in reversed(SERVERS):  # a server needs only those before it
        if server.name in wanted:
            wanted.update(server.needs)
    return [server for server in SERVERS if server.name in wanted]
