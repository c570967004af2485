"""Message ids of Pulsar as positions: epoch, ledger, entry and index in the batch, as hex digits of fixed width.

Ledger ids grow over a cluster's life, and begin anew with a new cluster: the epoch, in the upper bits of the ledger's
field, keeps the positions of a log behind those of the lost ones before it.
"""

from __future__ import annotations

from typing import NamedTuple

import pulsar

from evoke.domain.errors import InvalidInput
from evoke.ports.event_log import Position

_EPOCH_SHIFT = 48
"""The broker counts ledgers from 0: it would have to make one each millisecond for nine thousand years to get there."""
_LEDGERS = (1 << _EPOCH_SHIFT) - 1


class Place(NamedTuple):
    """Where a message lies in its topic, in the log of an epoch."""

    ledger: int
    entry: int
    batch_index: int
    epoch: int = 0


def place_of(position: Position) -> Place:
    """Read a position. Raises InvalidInput."""
    parts = position.split(".")
    try:
        ledger, entry, index = (int(part, 16) for part in parts)
    except ValueError:
        raise InvalidInput("position", "is no position of this log") from None
    return Place(ledger & _LEDGERS, entry, index, ledger >> _EPOCH_SHIFT)


def position(epoch: int, ledger: int, entry: int, batch_index: int) -> Position:
    """Write a position; a message that is alone in its entry has the index 0 or -1."""
    return Position(f"{epoch << _EPOCH_SHIFT | ledger:016x}.{entry:016x}.{max(0, batch_index):06x}")


def position_of(epoch: int, message_id: pulsar.MessageId) -> Position:
    """The position of a message."""
    return position(epoch, message_id.ledger_id(), message_id.entry_id(), message_id.batch_index())


def message_id(place: Place | None) -> pulsar.MessageId:
    """Where a reader starts to find what follows `place`. The batch is read whole: the caller passes over its part."""
    if place is None:
        return pulsar.MessageId.earliest
    return pulsar.MessageId(-1, place.ledger, place.entry - 1, -1)
