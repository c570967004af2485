"""Names that others rely on."""

from __future__ import annotations

import inspect
from collections import Counter

from evoke.domain import errors, topics
from evoke.domain.topics import Lane


def test_existing_users_find_the_topics_that_they_know() -> None:
    queue = "txt2img_generation"
    assert topics.requested(queue) == "requested_txt2img_generation"
    assert topics.dead_letters(queue) == "dlq_requested_txt2img_generation"
    assert topics.completed(queue) == "completed_txt2img_generation"


def test_the_topics_of_a_queue_are_all_different() -> None:
    names = [*topics.logged("q"), topics.retry_requested("q"), topics.progress("q")]
    assert len(set(names)) == len(names) == 7


def test_progress_and_waiting_retries_are_no_part_of_the_log() -> None:
    assert topics.progress("q") not in topics.logged("q")
    assert topics.retry_requested("q") not in topics.logged("q")
    assert {topics.requested("q", lane) for lane in Lane} <= set(topics.logged("q"))


def test_every_error_has_a_code_and_says_what_it_is() -> None:
    tree = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.EvokeError)
    ]
    for kind in tree:
        assert kind.code
        assert kind.code == kind.code.lower()
        assert kind.__doc__


def test_what_can_be_tried_again_says_when() -> None:
    assert errors.Unavailable("x").retry_after_s > 0
    assert errors.StorageFull("x").retry_after_s > 0
    assert errors.QueueFull("q", 5, 2.0).retry_after_s == 2.0


def test_a_refused_value_names_field_and_reason() -> None:
    error = errors.InvalidInput("width", "must be at most 2048")
    assert (error.field, error.reason, str(error)) == (
        "width",
        "must be at most 2048",
        "width: must be at most 2048",
    )


def test_all_topics_of_all_parts_of_all_queues_have_names_of_their_own() -> None:
    names = [
        name
        for queue in ("q", "q2", "q_x")
        for name in (*topics.logged(queue, 12), topics.retry_requested(queue), topics.progress(queue))
    ]
    assert len(set(names)) == len(names)
    assert set(topics.logged("q")) <= set(topics.logged("q", 12)), "the first part has the plain name"


def test_a_job_belongs_to_the_same_part_everywhere_and_the_parts_share_the_jobs() -> None:
    ids = [f"0199f3a2-5b7c-7d3e-8f40-{number:012x}" for number in range(4000)]
    counts = Counter(topics.part_of(job_id, 4) for job_id in ids)
    assert sorted(counts) == [0, 1, 2, 3]
    assert min(counts.values()) > 700
    assert topics.part_of("0199f3a2-5b7c-7d3e-8f40-000000000000", 4) == 3, (
        "other processes, and later ones, must agree"
    )
    assert {topics.part_of(job_id, 1) for job_id in ids} == {0}


def test_a_queue_that_is_named_like_a_part_of_another_is_refused() -> None:
    assert topics.names_a_lane("music-part-3")
    assert not topics.names_a_lane("music-part")
