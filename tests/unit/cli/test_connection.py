"""Errors of the connection tell what happened and what to do; what can be repeated safely is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cli.connection import Connection
from cli.failures import CommandFailed, Refused, Unreachable, Usage
from tests.unit.cli.scripted_server import Answer, document, problem, scripted_server

PICTURE = b"\x89PNG not really"


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://somewhere", "http://", ""])
def test_an_address_that_is_none_is_refused_by_the_variables_name(url: str) -> None:
    with pytest.raises(Usage, match="EVOKE_URL"):
        Connection(url)


def test_a_refused_connection_tells_how_to_start_evoke() -> None:
    with Connection("http://127.0.0.1:1") as connection, pytest.raises(Unreachable) as caught:
        connection.get("/livez")
    assert "make up" in " ".join(caught.value.advice)


def test_a_far_address_is_not_advised_to_be_started_here() -> None:
    with Connection("http://evoke.invalid") as connection, pytest.raises(Unreachable) as caught:
        connection.get("/livez")
    assert "make up" not in " ".join(caught.value.advice)


def test_a_problem_names_every_field() -> None:
    errors = [{"field": "input.steps", "message": "must be at most 150"}]
    script = {"/v1/jobs": [problem(422, "invalid_input", "the input does not fit", errors)]}
    with (
        scripted_server(script) as server,
        Connection(server.url) as connection,
        pytest.raises(Refused) as caught,
    ):
        connection.post("/v1/jobs", {})
    assert str(caught.value) == "the input does not fit"
    assert "input.steps: must be at most 150" in caught.value.advice
    assert caught.value.status == 422


def test_a_full_queue_tells_when_to_come_again() -> None:
    script = {"/v1/jobs": [problem(429, "queue_full", "full", retry_after="7")]}
    with (
        scripted_server(script) as server,
        Connection(server.url) as connection,
        pytest.raises(Refused) as caught,
    ):
        connection.post("/v1/jobs", {})
    assert "Try again in 7 s." in caught.value.advice


def test_another_program_on_the_port_is_recognised() -> None:
    html = Answer(b"<html>", 404, "text/html")
    with scripted_server({"/v1/models": [html]}) as server, Connection(server.url) as connection:
        with pytest.raises(Refused, match="not as evoke does"):
            connection.get("/v1/models")
    with (
        scripted_server({"/v1/models": [Answer(b"<html>", 200)]}) as server,
        Connection(server.url) as connection,
    ):
        with pytest.raises(Refused, match="not evoke"):
            connection.get("/v1/models")


def test_the_key_is_sent() -> None:
    with (
        scripted_server({"/v1/models": [document({})]}) as server,
        Connection(server.url, "secret") as connection,
    ):
        connection.get("/v1/models")
    assert server.asked[0].headers["authorization"] == "Bearer secret"


def test_a_submit_whose_answer_was_lost_is_sent_again_with_the_same_key() -> None:
    lost = Answer(b"{", broken=True)
    with (
        scripted_server({"/v1/jobs": [lost, document({"id": "j1"}, 202)]}) as server,
        Connection(server.url) as c,
    ):
        assert c.submit({"model": "m"}, "key-1") == {"id": "j1"}
    assert [asked.headers["idempotency-key"] for asked in server.asked] == ["key-1", "key-1"]
    assert server.asked[0].body == server.asked[1].body


def test_a_submit_is_not_sent_for_ever() -> None:
    script = {"/v1/jobs": [problem(503, "unavailable", "the log can't be written")]}
    with scripted_server(script) as server, Connection(server.url) as connection, pytest.raises(Refused):
        connection.submit({}, "key")
    assert len(server.asked) == 4


def test_a_submit_that_is_refused_is_not_sent_again() -> None:
    with (
        scripted_server({"/v1/jobs": [problem(422, "invalid_input", "no")]}) as server,
        Connection(server.url) as c,
    ):
        with pytest.raises(Refused):
            c.submit({}, "key")
    assert len(server.asked) == 1


def test_pages_are_read_until_there_are_enough() -> None:
    pages = [
        document({"items": [{"id": n} for n in range(100)], "next": "c1"}),
        document({"items": [{"id": 100}], "next": None}),
    ]
    with scripted_server({"/v1/jobs": pages}) as server, Connection(server.url) as connection:
        assert len(connection.pages("/v1/jobs", {"status": ["failed", "queued"]}, 150)) == 101
    first, second = (asked.path for asked in server.asked)
    assert "status=failed&status=queued" in first
    assert "limit=100" in first
    assert "cursor=c1" in second
    assert "limit=50" in second


def test_a_download_is_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    script = {"/a": [Answer(PICTURE, broken=True)], "/b": [Answer(PICTURE, media_type="image/png")]}
    with scripted_server(script) as server, Connection(server.url) as connection:
        with pytest.raises(Unreachable):
            connection.download("/a", target, None)
        assert list(tmp_path.iterdir()) == []
        connection.download("/b", target, hashlib.sha256(PICTURE).hexdigest())
    assert target.read_bytes() == PICTURE
    assert list(tmp_path.iterdir()) == [target]


def test_bytes_that_are_not_what_was_stored_are_not_kept(tmp_path: Path) -> None:
    with scripted_server({"/a": [Answer(PICTURE)]}) as server, Connection(server.url) as connection:
        with pytest.raises(CommandFailed, match="sha256"):
            connection.download("/a", tmp_path / "out.png", "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_the_key_goes_to_no_other_host(tmp_path: Path) -> None:
    with scripted_server({"/a": [Answer(PICTURE)]}) as server, Connection(server.url, "secret") as connection:
        connection.download("http://elsewhere.invalid/a", tmp_path / "out.png", None)
    assert server.asked[0].path == "/a"


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    with scripted_server({"/a": [Answer(PICTURE)]}) as server, Connection(server.url) as connection:
        with pytest.raises(Usage, match="can't write"):
            connection.download("/a", tmp_path / "missing" / "out.png", None)


def test_what_is_wrong_with_one_field_is_told_once() -> None:
    said = "input.steps: must be at most 150"
    problem: dict[str, object] = {
        "detail": said,
        "errors": [{"field": "input.steps", "message": "must be at most 150"}],
    }
    assert (str(Refused(422, problem)), Refused(422, problem).advice) == (said, ())
