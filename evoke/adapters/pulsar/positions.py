"""Message ids of Pulsar as positions: ledger, entry and index in the batch, as hex digits of fixed width."""

from __future__ import annotations

from typing import NamedTuple

import pulsar

from evoke.domain.errors import InvalidInput
from evoke.ports.event_log import Position


class Place(NamedTuple):
    """Ledger ids grow over the cluster, so places compare in the order of one topic's log."""

    ledger: int
    entry: int
    batch_index: int


def place_of(position: Position) -> Place:
    """Read a position. Raises InvalidInput."""
    parts = position.split(".")
    try:
        ledger, entry, index = (int(part, 16) for part in parts)
    except ValueError:
        raise InvalidInput("position", "is no position of this log") from None
    return Place(ledger, entry, index)


def position(ledger: int, entry: int, batch_index: int) -> Position:
    """Write a position; a message that is alone in its entry has the index 0 or -1."""
    return Position(f"{ledger:016x}.{entry:016x}.{max(0, batch_index):06x}")


def position_of(message_id: pulsar.MessageId) -> Position:
    """The position of a message."""
    return position(message_id.ledger_id(), message_id.entry_id(), message_id.batch_index())


def message_id(place: Place | None) -> pulsar.MessageId:
    """Where a reader starts to find what follows `place`. The batch is read whole: the caller passes over its part."""
    if place is None:
        return pulsar.MessageId.earliest
    return pulsar.MessageId(-1, place.ledger, place.entry - 1, -1)
