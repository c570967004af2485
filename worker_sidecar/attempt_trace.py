"""What a sidecar tells of an attempt in its trace: the wait before it, the model's run, the uploads, what it wrote.

POST /v1/jobs > send requested_<queue> > wait <queue>
                                       > process requested_<queue>    linked to the sending, as a consumer is
                                           > evoke.model.v1.Model/Generate, with the model's steps as events
                                           > put <output>
                                           > send attempts_<queue>, send completed_<queue>
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from evoke.domain import topics
from evoke.domain.events import AnyEvent, Requested
from evoke.ports.model_client import StepDone
from evoke.ports.trace_sink import Attributes, Span, SpanEvent, SpanKind, TraceSink
from evoke.telemetry import is_sampled, new_traceparent

STEPS = 64
"""Steps of one run that are told, evenly spread."""

UPLOADS = 32
"""Outputs of one attempt whose uploads are told."""


class UploadTrace(Protocol):
    """Told of each output that was stored."""

    def stored(self, name: str, size_bytes: int, start_ns: int) -> None:
        """An output is stored; it was begun at that Unix time in ns."""
        ...


class AttemptTrace:
    """The spans of one attempt; it tells nothing where there is no sink, or the job is not traced."""

    def __init__(self, sink: TraceSink | None, request: Requested, worker: str) -> None:
        self._sink = sink if is_sampled(request.traceparent) else None
        self._request = request
        self._worker = worker
        self._begun_ns = time.time_ns()
        self._uploads = 0
        self._ended = False
        self.context = new_traceparent(request.traceparent)
        self.outcome = "broken"
        self.error: str | None = None

    @property
    def exemplar(self) -> dict[str, str] | None:
        """What leads from a figure to this trace; None where the job is not traced."""
        return None if self._sink is None else {"trace_id": self.context[3:35]}

    def waited(self, since_ms: int, attempt: int) -> None:
        """The job has waited in the queue for this attempt, since it was submitted or its last one failed."""
        self._tell(
            f"wait {self._request.queue}",
            SpanKind.INTERNAL,
            min(since_ms * 1_000_000, self._begun_ns),
            self._request.traceparent,
            attributes={**self._names, "evoke.attempt": attempt},
            end_ns=self._begun_ns,
        )

    @contextmanager
    def model_run(self) -> Iterator[ModelTrace]:
        """The run of the model, as long as the block lasts."""
        run = ModelTrace(self.context, told=self._sink is not None)
        start_ns, error = time.time_ns(), None
        try:
            yield run
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            if self._sink is not None:
                attributes = {
                    "rpc.system": "grpc",
                    "rpc.service": "evoke.model.v1.Model",
                    "rpc.method": "Generate",
                    "evoke.model": self._request.model,
                }
                name = "evoke.model.v1.Model/Generate"
                span = Span(
                    name=name,
                    kind=SpanKind.CLIENT,
                    context=run.context,
                    parent=self.context,
                    start_ns=start_ns,
                    end_ns=time.time_ns(),
                    attributes=attributes,
                    events=run.events,
                    error=error,
                )
                self._sink.record(span)

    def stored(self, name: str, size_bytes: int, start_ns: int) -> None:
        """See `UploadTrace.stored`."""
        self._uploads += 1
        if self._uploads <= UPLOADS:
            attributes: Attributes = {"evoke.artifact.name": name, "evoke.artifact.size": size_bytes}
            self._tell("put artifact", SpanKind.CLIENT, start_ns, self.context, attributes)

    def sending(self) -> str:
        """The context of an event that the attempt writes: a span of its own where the job is traced."""
        return self.context if self._sink is None else new_traceparent(self.context)

    def sent(self, context: str, event: AnyEvent, topic: str, start_ns: int) -> None:
        """An event was appended with that context."""
        if self._sink is None:
            return
        attributes = {
            **_messaging("append", "send", topic),
            "evoke.job.id": event.job_id,
            "evoke.event": type(event).__name__,
        }
        self._tell(f"send {topic}", SpanKind.PRODUCER, start_ns, self.context, attributes, context=context)

    def end(self) -> None:
        """The attempt is over, as `outcome` says. Idempotent."""
        if self._sink is None or self._ended:
            return
        self._ended = True
        request = self._request
        topic = topics.requested(request.queue, request.lane)
        self._sink.record(
            Span(
                name=f"process {topic}",
                kind=SpanKind.CONSUMER,
                context=self.context,
                parent=request.traceparent,
                start_ns=self._begun_ns,
                end_ns=time.time_ns(),
                attributes={
                    **_messaging("process", "process", topic),
                    **self._names,
                    "messaging.message.id": request.job_id,
                    "evoke.worker": self._worker,
                    "evoke.outcome": self.outcome,
                },
                links=() if request.traceparent is None else (request.traceparent,),
                error=self.error,
            )
        )

    def _tell(  # noqa: PLR0913  # what a span consists of
        self,
        name: str,
        kind: SpanKind,
        start_ns: int,
        parent: str | None,
        attributes: Attributes,
        *,
        context: str | None = None,
        end_ns: int | None = None,
    ) -> None:
        if self._sink is not None:
            span = Span(
                name=name,
                kind=kind,
                context=context or new_traceparent(parent),
                parent=parent,
                start_ns=start_ns,
                end_ns=end_ns or time.time_ns(),
                attributes=attributes,
            )
            self._sink.record(span)

    @property
    def _names(self) -> Mapping[str, str]:
        request = self._request
        return {
            "evoke.job.id": request.job_id,
            "evoke.queue": request.queue,
            "evoke.lane": request.lane.value,
            "evoke.model": request.model,
        }


class ModelTrace:
    """The run of a model while it lasts. context: what the container is given."""

    def __init__(self, parent: str, *, told: bool) -> None:
        self.context = new_traceparent(parent) if told else parent
        self.events: list[SpanEvent] = []
        self._told = told
        self._last = -1

    def step(self, step: StepDone) -> None:
        """The model has done a step."""
        if not self._told:
            return
        part = step.step * STEPS // max(step.total, 1)
        if part != self._last and len(self.events) < STEPS * 2:
            self._last = part
            attributes: Attributes = {"step": step.step, "total": step.total, "unit": step.unit[:40]}
            self.events.append(SpanEvent("step", time.time_ns(), attributes))


def _messaging(operation: str, kind: str, topic: str) -> dict[str, str]:
    """OpenTelemetry's names for what is done with a message."""
    return {
        "messaging.system": "evoke",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": topic,
    }
