"""What the API tells of its requests in traces: the answer to a request, and the append of a submission."""

from __future__ import annotations

import time
from collections.abc import Callable

from evoke.domain.events import Requested
from evoke.ports.event_log import Record
from evoke.ports.trace_sink import Span, SpanKind, TraceSink
from evoke.telemetry import is_sampled, trace_id_of
from services.api.randomness import Randomness

_WRITES = frozenset({"POST", "DELETE"})
_PERIOD_S = 1.0


class RequestTraces:
    """Decides which requests are traced, and tells of those.

    Without a sink none is, and a request costs no more than its id. With one, what changes something is traced, and
    what its caller traces; what the caller says it does not trace is not. Both are bounded: a caller's flag is a wish.
    """

    def __init__(
        self,
        sink: TraceSink | None,
        randomness: Randomness,
        per_s: int,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """per_s: most requests that are traced in one second. clock_s: monotonic seconds."""
        self._sink = sink
        self._randomness = randomness
        self._per_s = per_s
        self._clock_s = clock_s
        self._since_s = clock_s()
        self._begun = 0

    def begin(self, parent: str | None, method: str) -> str:
        """The `traceparent` of a request: a child of its caller's where that is valid. It says whether it is traced."""
        traced = self._sink is not None and self._wanted(parent, method) and self._within_bound()
        return self._randomness.traceparent(parent, sampled=traced)

    def _wanted(self, parent: str | None, method: str) -> bool:
        if parent is None or trace_id_of(parent) is None:
            return method in _WRITES
        return is_sampled(parent)

    def _within_bound(self) -> bool:
        now_s = self._clock_s()
        if now_s - self._since_s >= _PERIOD_S:
            self._since_s, self._begun = now_s, 0
        self._begun += 1
        return self._begun <= self._per_s

    def answered(  # noqa: PLR0913, PLR0917  # what there is to tell
        self, traceparent: str, parent: str | None, route: str, method: str, status: int, duration_s: float
    ) -> None:
        """A request was answered. route: its template."""
        if self._sink is None or not traceparent.endswith("1"):
            return
        end_ns = time.time_ns()
        self._sink.record(
            Span(
                name=f"{method} {route}",
                kind=SpanKind.SERVER,
                context=traceparent,
                parent=parent if trace_id_of(parent) is not None else None,
                start_ns=end_ns - int(duration_s * 1e9),
                end_ns=end_ns,
                attributes={
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                },
                error=str(status) if status >= 500 else None,
            )
        )

    def sending(self, traceparent: str | None) -> str | None:
        """The context of a message that this request sends: a span of its own where the request is traced."""
        if traceparent is None or not traceparent.endswith("1"):
            return traceparent
        return self._randomness.traceparent(traceparent, sampled=self._sink is not None)

    def sent(
        self, event: Requested, record: Record, parent: str | None, link: str | None, duration_s: float
    ) -> None:
        """A submission was appended, as `event` with the context that `sending` made.

        link: context of the request that this one repeats.
        """
        if self._sink is None or event.traceparent is None or not event.traceparent.endswith("1"):
            return
        end_ns = time.time_ns()
        self._sink.record(
            Span(
                name=f"send {record.topic}",
                kind=SpanKind.PRODUCER,
                context=event.traceparent,
                parent=parent,
                start_ns=end_ns - int(duration_s * 1e9),
                end_ns=end_ns,
                attributes={
                    "messaging.system": "evoke",
                    "messaging.operation.name": "append",
                    "messaging.operation.type": "send",
                    "messaging.destination.name": record.topic,
                    "messaging.message.id": event.job_id,
                    "messaging.message.body.size": len(record.payload),
                    "evoke.job.id": event.job_id,
                    "evoke.queue": event.queue,
                    "evoke.lane": event.lane.value,
                    "evoke.model": event.model,
                },
                links=() if link is None else (link,),
            )
        )
