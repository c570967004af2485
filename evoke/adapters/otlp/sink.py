"""Sends spans to an OpenTelemetry collector over HTTP (protobuf). See `evoke/ports/trace_sink.py` for what it promises.

Spans are made of what a process knows when its work is over, so that work which nobody traces pays nothing. The SDK's
own way, a span object that is opened before and closed after, could not name spans that another process began (the wait
in the queue) nor take its id from the `traceparent` that was already sent; that is why `ReadableSpan` is made here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from contextlib import suppress

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, TraceFlags
from opentelemetry.trace import SpanKind as OtelKind
from opentelemetry.trace.status import Status, StatusCode

from evoke.ports.trace_sink import Span, SpanKind
from evoke.version import VERSION

PATH = "/v1/traces"
WAITING_SPANS = 8192
BATCH_SPANS = 512
EVERY_MS = 1000
SEND_S = 3.0
CLOSE_S = 2.0

_KINDS = {kind: OtelKind[kind.name] for kind in SpanKind}
_OK, _ERROR = Status(StatusCode.UNSET), StatusCode.ERROR


class OtlpSink:
    """A `TraceSink`. A thread of its own sends; headers and certificates are OTEL_EXPORTER_OTLP_*, as everywhere."""

    def __init__(self, endpoint: str, process: str) -> None:
        """endpoint: `http://HOST:PORT` of a collector, `/v1/traces` is added. process: its name in the traces."""
        # It tells of every try of every batch at `warning`; that a collector is away is no news to the user of a job.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        url = endpoint.rstrip("/")
        exporter = OTLPSpanExporter(url if url.endswith(PATH) else url + PATH, timeout=SEND_S)
        self._processor = BatchSpanProcessor(
            exporter,
            max_queue_size=WAITING_SPANS,
            schedule_delay_millis=EVERY_MS,
            max_export_batch_size=BATCH_SPANS,
        )
        self._resource = _resource(process)
        self._scope = InstrumentationScope("evoke")
        self._closed = False

    def record(self, span: Span) -> None:
        """See `TraceSink.record`."""
        if self._closed:
            return
        context = _context(span.context)
        if context is None:
            return
        self._processor.on_end(
            ReadableSpan(
                name=span.name,
                context=context,
                parent=None if span.parent is None else _context(span.parent),
                resource=self._resource,
                attributes=span.attributes
                if span.error is None
                else {**span.attributes, "error.type": span.error},
                events=[Event(event.name, event.attributes, event.time_ns) for event in span.events],
                links=[Link(linked) for linked in map(_context, span.links) if linked is not None],
                kind=_KINDS[span.kind],
                status=_OK if span.error is None else Status(_ERROR, span.error),
                start_time=span.start_ns,
                end_time=span.end_ns,
                instrumentation_scope=self._scope,
            )
        )

    async def close(self) -> None:
        """See `TraceSink.close`."""
        if self._closed:
            return
        self._closed = True
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            self._processor.shutdown()  # type: ignore[no-untyped-call]  # the SDK's own
            loop.call_soon_threadsafe(done.set)

        # A thread that nobody waits for at the end of the process: a collector that hangs must not hold it up.
        threading.Thread(target=flush, name="last traces", daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), CLOSE_S)


def _resource(process: str) -> Resource:
    """Who sends; OTEL_RESOURCE_ATTRIBUTES adds to it, OTEL_SERVICE_NAME wins."""
    return Resource.create(
        {
            "service.namespace": "evoke",
            "service.version": VERSION,
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
            **({} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": f"evoke-{process}"}),
        }
    )


def _context(traceparent: str) -> SpanContext | None:
    _, trace_id, span_id, flags = [*traceparent.split("-"), "", "", ""][:4]
    try:
        found = SpanContext(
            int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(int(flags, 16))
        )
    except ValueError:
        return None
    return found if found.is_valid else None
