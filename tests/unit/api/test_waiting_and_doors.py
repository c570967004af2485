"""What clients may say in headers, queries and bodies, read strictly."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.domain.errors import (
    BlobMissing,
    Conflict,
    EvokeError,
    IdempotencyMismatch,
    InvalidInput,
    NotFound,
    QueryRefused,
    QueueFull,
    StorageFull,
    Unavailable,
    UnknownModel,
)
from services.api.exchange import Exchange, Reply, StreamedReply
from services.api.json_door import decoded, require_json, require_plain
from services.api.metrics import Metrics
from services.api.parameters import limit_of, time_ms_of
from services.api.problems import FieldError, InvalidFields, Refusal, headers_of, problem_of
from services.api.randomness import Randomness
from services.api.submission import body_digest, check_key, check_metadata
from services.api.waiting import asked_wait_s, preferred_wait_s

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Wire:
    """What a server would give and take: messages of a request, and what was sent."""

    def __init__(self, *chunks: bytes) -> None:
        self._messages = [
            {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
            for number, chunk in enumerate(chunks)
        ]
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return self._messages.pop(0) if self._messages else {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


def asking(query: str = "", wire: Wire | None = None, method: str = "GET", **headers: str) -> Exchange:
    said = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    wire = wire or Wire()
    scope = {"method": method, "query_string": query.encode(), "headers": said, "scheme": "http", "path": "/"}
    return Exchange(scope, wire.receive, wire.send, TRACE)


@pytest.mark.parametrize(
    ("prefer", "wait_s"),
    [("wait=5", 5), ("respond-async, wait=7", 7), ("wait=3; x=1", 3), ('wait="4"', 4), ("WAIT = 2", 2),
     ("wait=999", 60), ("wait=-1", None), ("wait=x", None), ("await=5", None), ("", None)],
)  # fmt: skip
def test_a_preference_to_wait_is_understood_and_bounded(prefer: str, wait_s: float | None) -> None:
    assert preferred_wait_s(asking(prefer=prefer), 60) == wait_s


@pytest.mark.parametrize(("query", "wait_s"), [("", 0), ("wait=0", 0), ("wait=1.5", 1.5), ("wait=100", 60)])
def test_a_wait_in_the_query_is_bounded(query: str, wait_s: float) -> None:
    assert asked_wait_s(asking(query), 60) == wait_s


@pytest.mark.parametrize("query", ["wait=", "wait=nan", "wait=inf", "wait=-1", "wait=1e10"])
def test_a_wait_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(InvalidInput):
        asked_wait_s(asking(query), 60)


@given(st.text(max_size=12))
def test_a_limit_is_a_number_within_its_bounds_or_refused(text: str) -> None:
    exchange = asking()
    exchange._query = {"limit": text}
    try:
        found = limit_of(exchange)
    except InvalidInput:
        return
    assert 1 <= found <= 500


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [("0", 0), ("1700000000000", 1_700_000_000_000), ("1970-01-01T00:00:01Z", 1000),
     ("1970-01-01T01:00:01+01:00", 1000), ("1970-01-01", 0), ("1969-01-01", 0)],
)  # fmt: skip
def test_a_time_is_rfc_3339_or_milliseconds(text: str, time_ms: int) -> None:
    exchange = asking()
    exchange._query = {"since": text}
    assert time_ms_of(exchange, "since") == time_ms


@given(st.text(max_size=30))
def test_any_other_time_is_refused(text: str) -> None:
    exchange = asking()
    exchange._query = {"since": text}
    try:
        found = time_ms_of(exchange, "since")
    except InvalidInput as error:
        found = None
        named = error.field
    else:
        named = "since"
    assert named == "since"
    assert found is None or found >= 0


async def test_a_body_is_put_together_from_its_chunks() -> None:
    assert await asking(wire=Wire(b"ab", b"", b"c")).body(3) == b"abc"
    assert await asking(wire=Wire(b"")).body(3) == b""


async def test_a_body_beyond_the_limit_is_refused_by_what_is_announced_and_by_what_comes() -> None:
    for exchange in (asking(wire=Wire(b"ab", b"cd")), asking(content_length="4", wire=Wire(b"abcd"))):
        with pytest.raises(Refusal) as refused:
            await exchange.body(3)
        assert refused.value.status == 413


async def test_a_client_that_leaves_in_the_middle_is_noticed() -> None:
    wire = Wire(b"ab", b"cd")
    wire._messages.pop()
    with pytest.raises(Refusal, match="went away"):
        await asking(wire=wire).body(10)


async def test_an_answer_names_its_request() -> None:
    wire = Wire()
    await asking(wire=wire).answer(Reply(200, b"{}"))
    headers = dict(wire.sent[0]["headers"])
    assert headers[b"traceparent"].decode() == TRACE
    assert headers[b"x-request-id"].decode() == TRACE.split("-")[1]
    assert headers[b"content-length"] == b"2"
    assert wire.sent[1]["body"] == b"{}"


async def test_answers_without_a_body_send_none() -> None:
    for method, status in (("HEAD", 200), ("GET", 304), ("GET", 204)):
        wire = Wire()
        await asking(wire=wire, method=method).answer(Reply(status, b"{}"))
        assert wire.sent[-1]["body"] == b""


async def test_a_streams_source_is_closed_when_the_client_leaves() -> None:
    closed = asyncio.Event()

    async def chunks() -> Any:
        try:
            yield b"first"
            await asyncio.sleep(60)
        finally:
            closed.set()

    await asking().answer(StreamedReply(200, chunks(), b"text/plain"))
    assert closed.is_set()


@pytest.mark.parametrize(
    ("media_type", "accepted"),
    [("application/json", True), ("application/json;charset=utf-8", True), ("application/problem+json", True),
     ("Application/JSON; Charset=UTF-8", True), ("text/json", False), ("application/json; charset=latin-1", False),
     ("", False), ("application/jsonx", False)],
)  # fmt: skip
def test_only_json_in_utf_8_is_json(media_type: str, accepted: bool) -> None:
    exchange = asking(content_type=media_type)
    if accepted:
        require_json(exchange)
        return
    with pytest.raises(Refusal) as refused:
        require_json(exchange)
    assert refused.value.status == 415


_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        value = decoded(body, _anything)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017  # the other branch is no error
    else:
        assert msgspec.json.encode(value)


def test_plain_values_have_a_depth_and_integers_a_size() -> None:
    require_plain({"a": [1, {"b": "c"}], "n": 2**63 - 1, "m": -(2**63)}, "x")
    for value in ({"n": 2**63}, [[[-(2**63) - 1]]], {"b": {"c": [2**70]}}):
        with pytest.raises(InvalidInput, match="64 bits"):
            require_plain(value, "x")
    deep: Any = 1
    for _ in range(33):
        deep = [deep]
    with pytest.raises(InvalidInput, match="nested"):
        require_plain(deep, "x")


def test_the_digest_of_a_body_does_not_depend_on_the_order_of_its_names() -> None:
    assert body_digest({"a": 1, "b": {"c": 2, "d": 3}}) == body_digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert body_digest({"a": 1}) != body_digest({"a": 2})


@pytest.mark.parametrize("key", ["", "a b", "a\n", "\u00e9", "x" * 256, "evoke:x"])
def test_keys_are_printable_ascii(key: str) -> None:
    with pytest.raises(InvalidInput):
        check_key(key)
    assert check_key("order-1/2") == "order-1/2"


def test_metadata_is_bounded() -> None:
    check_metadata({"grouping": "x" * 200, "more": [1, 2, {"a": None}]})
    for metadata in ({"grouping": "x" * 201}, {"grouping": 1}, {"big": "x" * 17_000}):
        with pytest.raises(InvalidInput):
            check_metadata(metadata)


@pytest.mark.parametrize(
    ("error", "status"),
    [(InvalidInput("f", "r"), 422), (NotFound("n"), 404), (UnknownModel("m", ("a",)), 404), (Conflict("c"), 409),
     (IdempotencyMismatch("i"), 422), (QueueFull("q", 1, 5), 429), (Unavailable("u"), 503), (StorageFull("s"), 507),
     (BlobMissing("b"), 404), (QueryRefused("q"), 422), (Refusal(418, "teapot", "t"), 418), (EvokeError("e"), 500)],
)  # fmt: skip
def test_every_error_has_its_status_and_keeps_its_code(error: EvokeError, status: int) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code, problem.type) == (status, error.code, f"/problems/{error.code}")
    assert problem.title


def test_problems_name_fields_and_when_to_try_again() -> None:
    several = InvalidFields([FieldError("a", "x"), FieldError("b", "y")])
    assert [error.field for error in problem_of(several).errors] == ["a", "b"]
    assert problem_of(UnknownModel("shape", ("shapes",))).nearest == ["shapes"]
    assert headers_of(QueueFull("q", 1, 7.4)) == [(b"retry-after", b"7")]
    assert headers_of(Unavailable("u", 0.1)) == [(b"retry-after", b"1")]


def test_randomness_hands_out_each_byte_once() -> None:
    randomness = Randomness()
    taken = [randomness(10) for _ in range(5000)]
    assert len(set(taken)) == 5000
    assert {len(each) for each in taken} == {10}
    child = randomness.traceparent(TRACE)
    assert child.split("-")[1] == TRACE.split("-")[1]
    assert child.split("-")[2] != TRACE.split("-")[2]
    assert randomness.traceparent("nonsense") != randomness.traceparent(None)


def test_figures_add_up() -> None:
    metrics = Metrics()
    for duration_s in (0.0005, 0.003, 0.003, 99.0):
        metrics.answered("/v1/jobs", "POST", 202, duration_s)
    metrics.answered("/v1/jobs", "POST", 404, 0.001)
    text = metrics.exposition().decode()
    assert 'evoke_api_requests_total{method="POST",route="/v1/jobs",status="2xx"} 4.0' in text
    assert 'evoke_api_request_seconds_bucket{le="0.005",method="POST",route="/v1/jobs"} 4.0' in text
    assert 'evoke_api_request_seconds_bucket{le="+Inf",method="POST",route="/v1/jobs"} 5.0' in text
    assert 'evoke_api_request_seconds_count{method="POST",route="/v1/jobs"} 5.0' in text
