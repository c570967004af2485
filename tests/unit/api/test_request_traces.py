"""Which requests are traced, and what an untraced one costs: nothing but its id."""

from __future__ import annotations

import pytest

from evoke.ports.trace_sink import Span
from evoke.telemetry import is_sampled, new_traceparent, trace_id_of
from services.api.randomness import Randomness
from services.api.request_traces import RequestTraces

ASKED = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
NOT_ASKED = ASKED[:-1] + "0"


class Sink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def record(self, span: Span) -> None:
        self.spans.append(span)

    async def close(self) -> None:
        return None


def traces(sink: Sink | None, per_s: int = 100, now: list[float] | None = None) -> RequestTraces:
    clock = now or [0.0]
    return RequestTraces(sink, Randomness(), per_s, lambda: clock[0])


def test_without_a_collector_nothing_is_traced_and_ids_are_passed_on() -> None:
    found = traces(None).begin(ASKED, "POST")
    assert trace_id_of(found) == trace_id_of(ASKED)
    assert not is_sampled(found)
    assert traces(None).sending(found) == found


@pytest.mark.parametrize(
    ("parent", "method", "traced"),
    [
        (None, "POST", True),
        (None, "DELETE", True),
        (None, "GET", False),
        (ASKED, "GET", True),
        (NOT_ASKED, "POST", False),
        ("nonsense", "POST", True),
    ],
)
def test_what_changes_something_or_is_asked_for_is_traced(
    parent: str | None, method: str, traced: bool
) -> None:
    sink = Sink()
    requests = traces(sink)
    context = requests.begin(parent, method)
    requests.answered(context, parent, "/v1/jobs", method, 202, 0.1)
    assert is_sampled(context) is traced
    assert len(sink.spans) == traced


def test_traces_are_bounded_whatever_callers_ask_for() -> None:
    now = [0.0]
    requests = traces(Sink(), 3, now)
    assert [is_sampled(requests.begin(ASKED, "POST")) for _ in range(5)] == [True] * 3 + [False] * 2
    now[0] = 1.0
    assert is_sampled(requests.begin(ASKED, "POST"))


def test_a_server_error_is_an_error_of_its_span_and_a_refusal_is_not() -> None:
    sink = Sink()
    requests = traces(sink)
    for status in (503, 422):
        requests.answered(requests.begin(None, "POST"), None, "/v1/jobs", "POST", status, 0.1)
    assert [span.error for span in sink.spans] == ["503", None]


def test_children_are_sampled_as_their_parents_are() -> None:
    assert is_sampled(new_traceparent(ASKED))
    assert not is_sampled(new_traceparent(NOT_ASKED))
    assert not is_sampled(new_traceparent())
    assert not is_sampled("00-" + "0" * 32 + "-" + "b" * 16 + "-01")
