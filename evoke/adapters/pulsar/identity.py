"""Which log this is: a name that is drawn when its namespace is made, and the epoch of its positions.

The identity is a property of the namespace, hence it lies where the broker counts its ledgers: who loses the one loses
the other. See docs/decisions/0075.
"""

from __future__ import annotations

import secrets

from evoke.domain.errors import LogCorrupt

IDENTITY = "evoke_log"
"""Property of the namespace."""
CONTINUES = "evoke_log_continues"
"""Property of the namespace: the log whose archive this one was told to continue."""
_LAST_EPOCH = 0x7FFF


def drawn(epoch: int) -> str:
    """A new identity, never drawn before. Raises ValueError beyond the last epoch that positions have room for."""
    if not 0 <= epoch <= _LAST_EPOCH:
        raise ValueError(f"positions have room for epochs up to {_LAST_EPOCH}, not for {epoch}")
    return f"{epoch}-{secrets.token_hex(16)}"


def epoch_of(identity: str) -> int:
    """How many logs came before the one with this identity, under the same archive. Raises LogCorrupt."""
    epoch, _, name = identity.partition("-")
    if not (epoch.isdigit() and name) or int(epoch) > _LAST_EPOCH:
        raise LogCorrupt(f"{identity[:60]!r} is no identity of a log")
    return int(epoch)
