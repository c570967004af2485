"""A collector of traces: the receiving end of OTLP over HTTP, which decodes what real exporters send."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

KINDS = ("", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True)
class Collected:
    """A span as it came over the wire; ids in hex. links: (trace id, span id)."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: list[tuple[str, str]]
    failed: bool


@dataclass
class Collector:
    """What has come so far. url: where it listens."""

    url: str = ""
    spans: list[Collected] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    def of(self, trace_id: str) -> list[Collected]:
        """The spans of one trace, by their beginning."""
        return sorted((s for s in list(self.spans) if s.trace_id == trace_id), key=lambda span: span.start_ns)

    def named(self, trace_id: str, name: str) -> Collected:
        """The one span of that name in a trace."""
        (found,) = (span for span in self.of(trace_id) if span.name == name)
        return found


@contextmanager
def collecting(host: str = "127.0.0.1") -> Iterator[Collector]:
    """A collector while the block lasts. host: the address of this machine that it listens on."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            collector.paths.add(self.path)
            collector.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            """A trace as Jaeger and Tempo give it: by its id, with the names of those who sent it."""
            found = collector.of(self.path.rpartition("/")[2])
            told = [{"service": span.service, "name": span.name, "spanID": span.span_id} for span in found]
            answer = json.dumps({"data": told}).encode()
            self.send_response(200 if found else 404)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer((host, 0), Handler)
    collector.url = f"http://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Collected]:
    for group in request.resource_spans:
        service = _attributes(group.resource.attributes)["service.name"]
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Collected(
                    service=service,
                    name=span.name,
                    kind=KINDS[span.kind],
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                    attributes=_attributes(span.attributes),
                    events=[(event.name, _attributes(event.attributes)) for event in span.events],
                    links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                    failed=span.status.code == 2,
                )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
