"""What people read of a job."""

from __future__ import annotations

from typing import Any

import pytest

from services.console.job_view import duration_of, size_of, title_of, view_of, waiting_line
from tests.unit.console.scripted_api import QUEUE, artifact, job


@pytest.mark.parametrize(
    ("media_type", "shown_as"),
    [
        ("image/png", "picture"),
        ("IMAGE/PNG", "picture"),
        ("audio/wav", "sound"),
        ("video/mp4", "video"),
        ("text/plain; charset=utf-8", "text"),
        ("application/json", "text"),
        ("text/html", "file"),
        ("application/pdf", "file"),
        ("image/x-unheard-of", "file"),
    ],
)
def test_outputs_are_shown_by_their_media_type(media_type: str, shown_as: str) -> None:
    view = view_of(job(artifacts=[artifact(media_type)]))
    assert view.outputs[0].shown_as == shown_as


def test_the_cover_is_the_first_picture() -> None:
    view = view_of(
        job(artifacts=[artifact("text/plain"), artifact("image/png", name="b"), artifact("image/png")])
    )
    assert view.cover is not None
    assert view.cover.name == "b"
    assert view_of(job()).cover is None


def test_a_small_picture_is_known_to_be_small() -> None:
    small = artifact("image/png", details={"width": 64, "height": 64})
    large = artifact("image/png", details={"width": 512, "height": 64})
    unknown = artifact("image/png", details={"width": "64"})
    assert [output.small for output in view_of(job(artifacts=[small, large, unknown])).outputs] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"prompt": "  a red\n circle "}, "a red circle"),
        ({"prompt": "x" * 500}, "x" * 139 + "…"),
        ({"prompt": "   ", "steps": 3}, "shapes-64: steps = 3"),
        ({"no": 5}, "shapes-64: no = 5"),
        ({}, "shapes-64"),
    ],
)
def test_a_job_is_called_by_what_was_asked(given: dict[str, Any], title: str) -> None:
    assert title_of(job(input=given)) == title


@pytest.mark.parametrize(
    ("changes", "workers", "line"),
    [
        ({"queue_position": 1}, 0, "Next in line; no worker is connected."),
        ({"queue_position": 2}, 1, "Queued behind 1 other; 1 worker is connected."),
        ({"queue_position": 4}, 5, "Queued behind 3 others; 5 workers are connected."),
        ({"queue_position": None}, 1, "Queued; 1 worker is connected."),
        (
            {"queue_position": None, "attempts": 2},
            0,
            "Attempt 2 ended; waiting for the next one; no worker is connected.",
        ),
        ({"queue": "elsewhere"}, 1, "Queued behind 3 others."),
    ],
)
def test_a_waiting_job_says_why_it_waits(changes: dict[str, Any], workers: int, line: str) -> None:
    assert waiting_line(job(**changes), [{**QUEUE, "workers": workers}]) == line


def test_sizes_and_durations_are_for_people() -> None:
    assert [size_of(n) for n in (0, 999, 1000, 4_140, 2_000_000)] == [
        "0 B",
        "999 B",
        "1.0 KB",
        "4.1 KB",
        "2.0 MB",
    ]
    said = [duration_of(s) for s in (-1, 0.84, 3.21, 59.94, 250, 3_720)]
    assert said == ["0 ms", "840 ms", "3.2 s", "59.9 s", "4 min 10 s", "1 h 2 min"]


def test_a_job_that_ended_tells_how_long_it_ran() -> None:
    times = {"started_at": "2026-01-31T12:00:01.000Z", "finished_at": "2026-01-31T12:00:03.500Z"}
    assert view_of(job(**times)).took == "2.5 s"
    assert view_of(job()).took == ""


def test_small_values_of_a_result_are_facts_and_the_rest_stays_json() -> None:
    view = view_of(job(result={"digits": 5, "long_text": "x" * 61, "parts": [1]}))
    assert view.facts == (("Digits", "5"),)
    assert view.structured == {"long_text": "x" * 61, "parts": [1]}
