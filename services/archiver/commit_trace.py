"""What the archiver tells of a commit: one span for the batch, linked to the messages in it that are traced."""

from __future__ import annotations

import time
from collections.abc import Sequence

from evoke.ports.event_log import LogEntry
from evoke.ports.trace_sink import Span, SpanKind, TraceSink
from evoke.telemetry import is_sampled, new_traceparent

MAX_LINKS = 128
"""As many as OpenTelemetry's SDKs keep of a span."""


def tell_commit(traces: TraceSink, entries: Sequence[LogEntry], start_ns: int) -> None:
    """Tell of a commit that is done, unless nothing in it is traced. start_ns: Unix time of its beginning."""
    contexts = (entry.properties.get("traceparent") for entry in entries)
    links = [context for context in contexts if context is not None and is_sampled(context)][:MAX_LINKS]
    if not links:
        return
    span = Span(
        name="process archive",
        kind=SpanKind.CONSUMER,
        context=new_traceparent()[:-1] + "1",
        start_ns=start_ns,
        end_ns=time.time_ns(),
        attributes={
            "messaging.system": "evoke",
            "messaging.operation.name": "commit",
            "messaging.operation.type": "process",
            "messaging.batch.message_count": len(entries),
        },
        links=links,
    )
    traces.record(span)
