"""The event stream of a job survives whatever happens to its connections."""

from __future__ import annotations

import pytest

from cli.connection import Connection
from cli.events import ServerEvent, follow, parse
from cli.failures import Refused, Unreachable
from tests.unit.cli.scripted_server import Answer, problem, scripted_server, stream

PATH = "/v1/jobs/j1/events"
REQUESTED = ("requested", "1", {"status": "queued"})
STARTED = ("attempt_started", "2", {"status": "running"})
STEP = ("progress", "2", {"step": 1, "total": 2})
SUCCEEDED = ("succeeded", "3", {"status": "succeeded"})


def names(events: list[ServerEvent]) -> list[str]:
    return [event.name for event in events]


def test_fields_comments_and_many_lines_of_data_are_read_as_the_format_says() -> None:
    lines = [
        ": hello",
        "event: log",
        "id: 7",
        'data: {"text":',
        'data: "a"}',
        "",
        "data: {}",
        "",
        "event: cut off",
    ]
    events = list(parse(lines))
    assert events == [ServerEvent("log", {"text": "a"}, "7"), ServerEvent("message", {}, "7")]


def test_an_event_cut_off_by_the_end_is_not_told() -> None:
    assert list(parse(["event: progress", 'data: {"step": 1}'])) == []


def test_data_that_is_no_object_is_kept() -> None:
    assert [event.data for event in parse(["data: plain", "", "data: [1]", ""])] == [
        {"text": "plain"},
        {"value": [1]},
    ]


def test_a_job_is_followed_to_its_terminal_event() -> None:
    with (
        scripted_server({PATH: [stream(REQUESTED, STARTED, SUCCEEDED)]}) as server,
        Connection(server.url) as source,
    ):
        assert names(list(follow(source, "j1"))) == ["requested", "attempt_started", "succeeded"]
    assert len(server.asked) == 1


def test_after_a_break_the_stream_goes_on_after_the_last_id() -> None:
    script = {PATH: [stream(REQUESTED, STARTED, STEP, broken=True), stream(SUCCEEDED)]}
    told: list[str] = []
    with scripted_server(script) as server, Connection(server.url) as source:
        events = list(follow(source, "j1", on_break=told.append))
    assert names(events) == ["requested", "attempt_started", "progress", "succeeded"]
    assert [asked.headers.get("last-event-id") for asked in server.asked] == [None, "2"]
    assert len(told) == 1


def test_a_stream_that_ends_without_a_terminal_event_is_opened_again() -> None:
    script = {PATH: [stream(REQUESTED), stream(STARTED), stream(SUCCEEDED)]}
    with scripted_server(script) as server, Connection(server.url) as source:
        assert names(list(follow(source, "j1"))) == ["requested", "attempt_started", "succeeded"]
    assert [asked.headers.get("last-event-id") for asked in server.asked] == [None, "1", "2"]


def test_an_api_that_is_restarting_is_waited_for() -> None:
    script = {
        PATH: [stream(REQUESTED, broken=True), problem(503, "unavailable", "starting"), stream(SUCCEEDED)]
    }
    with scripted_server(script) as server, Connection(server.url) as source:
        assert names(list(follow(source, "j1"))) == ["requested", "succeeded"]
    assert len(server.asked) == 3


def test_patience_has_an_end() -> None:
    script = {PATH: [stream(REQUESTED, broken=True), problem(503, "unavailable", "broken for good")]}
    with (
        scripted_server(script) as server,
        Connection(server.url) as source,
        pytest.raises(Refused, match="broken for good"),
    ):
        list(follow(source, "j1", patience_s=0.5))


def test_a_refusal_is_not_tried_again() -> None:
    with (
        scripted_server({PATH: [problem(404, "not_found", "no such job")]}) as server,
        Connection(server.url) as source,
        pytest.raises(Refused, match="no such job"),
    ):
        list(follow(source, "j1"))
    assert len(server.asked) == 1


def test_an_api_that_was_never_there_is_told_at_once() -> None:
    with Connection("http://127.0.0.1:1") as source, pytest.raises(Unreachable, match="nothing answers"):
        list(follow(source, "j1"))


def test_following_starts_after_a_given_id() -> None:
    with scripted_server({PATH: [stream(SUCCEEDED)]}) as server, Connection(server.url) as source:
        list(follow(source, "j1", after="2"))
    assert server.asked[0].headers["last-event-id"] == "2"


def test_an_empty_answer_is_tried_again() -> None:
    script = {PATH: [Answer(media_type="text/event-stream"), stream(SUCCEEDED)]}
    with scripted_server(script) as server, Connection(server.url) as source:
        assert names(list(follow(source, "j1"))) == ["succeeded"]
