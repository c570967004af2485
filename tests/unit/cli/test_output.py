"""What people read: sizes, ages, events in words, where outputs go, what the doctor says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from cli.artifacts import check_target, save, targets, told
from cli.commands.system import _allowed
from cli.completion import complete_model
from cli.connection import Connection
from cli.events import ServerEvent
from cli.examination import Finding, Verdict, examine_api, examine_machine
from cli.failures import Usage
from cli.output import age, duration, print_fields, print_table, size
from cli.watching import BarView, LineView, describe, failure_of
from tests.unit.cli.scripted_server import Answer, document, problem, scripted_server

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
PNG = {"name": "image-0.png", "media_type": "image/png", "size_bytes": 7100, "sha256": None, "url": "/a"}


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (7_140, "7.1 kB"),
        (5_000_000, "5.0 MB"),
        (2 * 10**15, "2000.0 TB"),
    ],
)
def test_sizes_are_told_in_a_fitting_unit(size_bytes: int, expected: str) -> None:
    assert size(size_bytes) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-3, "0 s"), (5, "5 s"), (59, "59 s"), (90, "2 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_lengths_of_time_are_told_in_a_fitting_unit(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_the_age_of_a_time_is_told() -> None:
    assert age("2026-01-31T11:58:00.000Z", NOON) == "2 min ago"
    assert age(None) == ""


def test_an_empty_table_says_so_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id",), [], "no jobs")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "no jobs\n")


def test_a_table_in_a_pipe_has_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "input"), [("j1", "word " * 60), ("j2", None)], "no jobs")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("j1")


def test_markup_in_a_prompt_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("input",), [("[bold]loud[/bold]",)], "")
    assert "[bold]loud[/bold]" in capsys.readouterr().out


def test_fields_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("id", "j1"), ("seed", None), ("attempts", 2), ("input", {"a": 1}), ("done", True)])
    assert capsys.readouterr().out.split() == [
        "id",
        "j1",
        "attempts",
        "2",
        "input",
        '{"a":',
        "1}",
        "done",
        "yes",
    ]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("requested", {}, "queued"),
        ("attempt_started", {}, "running"),
        ("progress", {"step": 3, "total": 20, "unit": "steps"}, "steps 3 of 20"),
        ("progress", {"step": 3, "total": 0, "unit": "seconds"}, "seconds 3"),
        ("log", {"text": "loading"}, "loading"),
        ("preview", {"data": "..."}, ""),
        ("attempt_failed", {"error": "model_lost", "message": "gone"}, "attempt failed: model_lost: gone"),
        (
            "attempt_failed",
            {"error": "model_lost", "message": "gone", "retry_at_ms": 1},
            "attempt failed: model_lost: gone; it will be tried again",
        ),
        ("succeeded", {}, "succeeded"),
        ("something_new", {}, "something_new"),
    ],
)
def test_events_are_told_in_words(name: str, data: dict[str, Any], expected: str) -> None:
    assert describe(ServerEvent(name, data, None)) == expected


def test_without_a_terminal_progress_is_told_in_tenths(capsys: pytest.CaptureFixture[str]) -> None:
    view = LineView()
    view.show(ServerEvent("attempt_started", {}, None))
    for step in range(1, 101):
        view.show(ServerEvent("preview", {"data": "..."}, None))
        view.show(ServerEvent("progress", {"step": step, "total": 100, "unit": "percent"}, None))
    view.show(ServerEvent("succeeded", {}, None))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "running"
    assert lines[-1] == "succeeded"
    assert len(lines) == 2 + 11


def test_why_a_job_failed_is_told() -> None:
    error = {"code": "poison", "message": "it killed its worker three times"}
    assert "poison: it killed its worker" in str(failure_of({"status": "failed", "error": error}))
    assert str(failure_of({"status": "cancelled", "error": None})) == "the job was cancelled"
    assert failure_of({"status": "succeeded"}) is None


@pytest.mark.parametrize("seen", [None, {"step": 19, "total": 20}, {"step": 3}])
def test_the_bar_of_a_job_that_succeeded_is_full_though_progress_was_lost(
    seen: dict[str, int] | None,
) -> None:
    progress = Progress(disable=True)
    view = BarView(progress)
    if seen is not None:
        view.show(ServerEvent("progress", seen, None))
    assert not progress.tasks[0].finished
    view.show(ServerEvent("succeeded", {}, None))
    assert progress.tasks[0].finished


def test_the_bar_of_a_job_that_failed_stays_where_it_was() -> None:
    progress = Progress(disable=True)
    view = BarView(progress)
    view.show(ServerEvent("progress", {"step": 3, "total": 20}, None))
    view.show(ServerEvent("failed", {}, None))
    assert progress.tasks[0].completed == 3


def test_one_output_goes_where_it_was_said_and_several_are_numbered(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    assert targets(target, [PNG]) == [target]
    assert targets(target, [PNG, PNG]) == [tmp_path / "out-0.png", tmp_path / "out-1.png"]


def test_a_name_of_an_artifact_never_leaves_the_folder(tmp_path: Path) -> None:
    names = ("../../etc/passwd", "/etc/passwd", "..", "a/b.png")
    for path in targets(tmp_path, [{**PNG, "name": name} for name in names]):
        assert path.parent == tmp_path
        assert path.name != ".."


def test_a_folder_that_is_missing_is_refused_early(tmp_path: Path) -> None:
    check_target(None)
    check_target("-")
    check_target(str(tmp_path))
    check_target(str(tmp_path / "new.png"))
    with pytest.raises(Usage, match="there is no folder"):
        check_target(str(tmp_path / "missing" / "new.png"))


def test_several_outputs_do_not_fit_into_a_pipe() -> None:
    with Connection("http://127.0.0.1:1") as connection, pytest.raises(Usage, match="2 artifacts"):
        save(connection, {"artifacts": [PNG, PNG]}, "-")


def test_a_picture_is_told_with_its_size() -> None:
    assert told({**PNG, "details": {"width": 64, "height": 64}}) == "image/png, 64 x 64, 7.1 kB"


def queue(name: str, workers: int, waiting: int) -> dict[str, object]:
    return {"name": name, "workers": workers, "depth": {"interactive": waiting, "bulk": 0}}


def examined(script: dict[str, list[Answer]]) -> dict[str, Finding]:
    with scripted_server(script) as server, Connection(server.url) as connection:
        return {finding.what: finding for finding in examine_api(connection)}


def healthy(**changes: Answer) -> dict[str, list[Answer]]:
    paths = {
        "/livez": document({"status": "ok"}),
        "/readyz": document({"status": "ok"}),
        "/v1/queues": document({"items": [queue("q", 1, 0)]}),
        "/v1/dlq": document({"items": [], "next": None}),
        "/v1/jobs": document({"items": [{"id": "j1"}], "next": None}),
        "/v1/query": document({"columns": [], "rows": [[5]]}),
    }
    return {path: [changes.get(path.rpartition("/")[2], answer)] for path, answer in paths.items()}


def test_a_healthy_system_has_nothing_to_complain_of() -> None:
    assert {finding.verdict for finding in examined(healthy()).values()} == {Verdict.OK}


@pytest.mark.parametrize(
    ("path", "answer", "what", "verdict"),
    [
        ("readyz", problem(503, "unavailable", "still reading the log"), "readiness", Verdict.BROKEN),
        ("queues", document({"items": [queue("q", 0, 3)]}), "queue", Verdict.BROKEN),
        ("queues", document({"items": [queue("q", 0, 0)]}), "queue", Verdict.WARNING),
        ("dlq", document({"items": [{"id": "x"}], "next": None}), "dead letters", Verdict.WARNING),
        ("query", document({"columns": [], "rows": [[0]]}), "archive", Verdict.BROKEN),
        ("query", problem(503, "unavailable", "history is away"), "archive", Verdict.BROKEN),
    ],
)
def test_what_is_wrong_is_found_and_advised_on(
    path: str, answer: Answer, what: str, verdict: Verdict
) -> None:
    finding = examined(healthy(**{path: answer}))[what]
    assert finding.verdict is verdict
    assert finding.advice or "history is away" in finding.found


def test_a_clock_that_is_off_is_found() -> None:
    script = healthy(livez=Answer(b"{}", headers={"date": "Sat, 31 Jan 2026 12:00:00 GMT"}))
    finding = examined(script)["clock"]
    assert finding.verdict is Verdict.WARNING
    assert "ahead" in finding.found


def test_a_log_that_is_none_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOKE_DATA_DIR", str(tmp_path))
    log = tmp_path / "log.sqlite"

    def verdict() -> Verdict:
        found = {finding.what: finding.verdict for finding in examine_machine("http://localhost:8000")}
        return found["log"]

    assert verdict() is Verdict.WARNING
    log.write_bytes(b"garbage garbage garbage")
    assert verdict() is Verdict.BROKEN
    log.write_bytes(b"SQLite format 3\x00")
    assert verdict() is Verdict.OK


def test_the_files_of_this_machine_say_nothing_of_another_one() -> None:
    assert [finding.what for finding in examine_machine("http://far.example")] == ["Python"]


def test_completion_offers_what_the_api_has_and_is_silent_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = document({"items": [{"id": "shapes-64", "title": "Shapes 64"}, {"id": "factorial"}]})
    with scripted_server({"/v1/models": [models]}) as server:
        monkeypatch.setenv("EVOKE_URL", server.url)
        assert complete_model("sh") == [("shapes-64", "Shapes 64")]
        assert complete_model("x") == []
    monkeypatch.setenv("EVOKE_URL", "http://127.0.0.1:1")
    assert complete_model("") == []
    monkeypatch.setenv("EVOKE_URL", "file:///etc/passwd")
    assert complete_model("") == []


def test_a_field_is_told_with_its_bounds_and_its_step() -> None:
    width = {"type": "integer", "minimum": 64, "maximum": 256, "multipleOf": 8}
    steps = {"type": "integer", "minimum": 1, "maximum": 150, "multipleOf": 1}
    assert [_allowed(field) for field in (width, steps)] == ["64 to 256, multiples of 8", "1 to 150"]
