"""Where the spans of traces go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

Attributes = Mapping[str, str | int | float | bool]


class SpanKind(StrEnum):
    """What a span is to the ones around it, in OpenTelemetry's words."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class SpanEvent(msgspec.Struct, frozen=True):
    """Something that happened within a span. time_ns: Unix time."""

    name: str
    time_ns: int
    attributes: Attributes = {}


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work that is over. Times are Unix nanoseconds, by the clock of the machine that did it.

    context: its own W3C `traceparent`. parent: that of the span that it is a part of. links: those of spans elsewhere
    that it goes back to. error: what went wrong, in one word where there is one; None when nothing did.
    """

    name: str
    kind: SpanKind
    context: str
    start_ns: int
    end_ns: int
    parent: str | None = None
    attributes: Attributes = {}
    links: Sequence[str] = ()
    events: Sequence[SpanEvent] = ()
    error: str | None = None


class TraceSink(Protocol):
    """Takes spans and sends them on, in its own time."""

    def record(self, span: Span) -> None:
        """Take a span. Never waits and never raises: when nobody takes them off, spans are dropped.

        For any thread. A span whose `context` or `parent` is malformed is left out.
        """
        ...

    async def close(self) -> None:
        """Send what is left, for a second or two at most, and release everything. Idempotent."""
        ...
