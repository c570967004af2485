"""Opaque tokens: positions of the log, and how far a stream of events was read."""

from __future__ import annotations

import base64
import binascii

from evoke.domain.errors import InvalidInput
from evoke.ports.event_log import Position

_MAX_TOKEN = 600
_STAGES = 3


def _packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _unpacked(token: str, field: str) -> str:
    if len(token) > _MAX_TOKEN:
        raise InvalidInput(field, "is no token of this API")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return raw.decode()
    except (ValueError, binascii.Error):
        raise InvalidInput(field, "is no token of this API") from None


def position_token(topic: str, position: Position) -> str:
    """A position as users see it."""
    return _packed(f"{topic}\n{position}")


def parse_position(token: str, field: str = "min_position") -> tuple[str, Position]:
    """Topic and position of a token. Raises InvalidInput."""
    topic, separator, position = _unpacked(token, field).partition("\n")
    if not separator or not position:
        raise InvalidInput(field, "is no token of this API")
    return topic, Position(position)


def stream_token(reached: list[Position]) -> str:
    """How far the submission, the attempts and the end of a job were read: one position each, empty for none."""
    return _packed("\n".join(reached))


def parse_stream_token(token: str) -> list[Position]:
    """The positions of a stream's token. Raises InvalidInput."""
    parts = _unpacked(token, "Last-Event-ID").split("\n")
    if len(parts) != _STAGES:
        raise InvalidInput("Last-Event-ID", "is no token of this API")
    return [Position(part) for part in parts]
