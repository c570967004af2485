"""The fold: in whatever order and however often events come, a job ends up the same, and a terminal status stays."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.domain.errors import ErrorClass
from evoke.domain.events import (
    AnyEvent,
    AttemptFailed,
    AttemptStarted,
    AttemptYielded,
    Cancelled,
    DeadLettered,
    Failed,
    Purged,
    Replayed,
    Requested,
    Succeeded,
)
from evoke.domain.job import Job, Status, evolve

COMMON: dict[str, Any] = {"job_id": "job", "tenant": "default", "queue": "q", "model": "m"}
ATTEMPTS = ("a1", "a2", "a3", "a4")


def requested(time_ms: int = 1) -> Requested:
    return Requested(**COMMON, time_ms=time_ms, input={"prompt": "x"})


def started(attempt: str, time_ms: int = 2) -> AttemptStarted:
    return AttemptStarted(**COMMON, time_ms=time_ms, attempt_id=attempt, worker=f"worker of {attempt}")


def failed_attempt(attempt: str, retry_at_ms: int | None = None) -> AttemptFailed:
    return AttemptFailed(
        **COMMON,
        time_ms=3,
        attempt_id=attempt,
        error=ErrorClass.MODEL_LOST,
        message="gone",
        retry_at_ms=retry_at_ms,
    )


def yielded(attempt: str) -> AttemptYielded:
    return AttemptYielded(**COMMON, time_ms=3, attempt_id=attempt, reason="drain")


def succeeded(attempt: str = "a1") -> Succeeded:
    return Succeeded(**COMMON, time_ms=4, attempt_id=attempt, seed=7)


def failed() -> Failed:
    return Failed(**COMMON, time_ms=4, error=ErrorClass.POISON, message="3 workers died")


def cancelled() -> Cancelled:
    return Cancelled(**COMMON, time_ms=4)


def folded(*events: AnyEvent) -> Job:
    job = None
    for event in events:
        job = evolve(job, event)
    assert job is not None
    return job


moments = st.integers(0, 5)
attempt_ids = st.sampled_from(ATTEMPTS)
job_events = st.one_of(
    st.builds(requested, moments),
    st.builds(started, attempt_ids, moments),
    st.builds(failed_attempt, attempt_ids, st.none() | moments),
    st.builds(yielded, attempt_ids),
)
terminal_events = st.one_of(st.builds(succeeded, attempt_ids), st.builds(failed), st.builds(cancelled))
dead_letter_events = st.sampled_from(
    [
        DeadLettered(
            **COMMON,
            time_ms=4,
            letter_id="l",
            request=b"x",
            error=ErrorClass.POISON,
            message="",
            attempts=3,
            origin="t",
        ),
        Replayed(**COMMON, time_ms=5, letter_id="l", new_job_id="other"),
        Purged(**COMMON, time_ms=5, letter_id="l"),
    ]
)
any_events = st.one_of(job_events, terminal_events, dead_letter_events)
lives = st.lists(any_events, min_size=1, max_size=25)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([requested()], Status.QUEUED),
        ([requested(), started("a1")], Status.RUNNING),
        ([requested(), started("a1"), failed_attempt("a1", 99)], Status.QUEUED),
        ([requested(), started("a1"), yielded("a1")], Status.QUEUED),
        ([requested(), started("a1"), started("a2")], Status.RUNNING),
        ([requested(), started("a1"), started("a2"), yielded("a1")], Status.RUNNING),
        ([requested(), started("a1"), started("a2"), yielded("a2")], Status.QUEUED),
        ([requested(), started("a1"), succeeded()], Status.SUCCEEDED),
        ([requested(), started("a1"), failed_attempt("a1"), failed()], Status.FAILED),
        ([requested(), cancelled()], Status.CANCELLED),
        ([requested(), started("a1"), cancelled(), succeeded()], Status.CANCELLED),
        ([succeeded()], Status.SUCCEEDED),
        ([started("a1")], Status.RUNNING),
        ([failed_attempt("a1"), started("a1"), requested()], Status.QUEUED),
    ],
)
def test_a_job_has_the_status_that_its_life_says(events: list[AnyEvent], status: Status) -> None:
    assert folded(*events).status is status


@given(lives, st.lists(any_events, max_size=25))
def test_a_terminal_status_never_changes(life: list[AnyEvent], later: list[AnyEvent]) -> None:
    job = folded(*life)
    for event in later:
        after = evolve(job, event)
        if job.status.terminal:
            assert after.status is job.status
            assert after.end == job.end
        job = after


@given(lives)
def test_the_first_terminal_event_is_the_end(life: list[AnyEvent]) -> None:
    terminal = [event for event in life if isinstance(event, (Succeeded, Failed, Cancelled))]
    assert folded(*life).end == (terminal[0] if terminal else None)


@given(lives, st.randoms(use_true_random=False))
def test_events_that_come_again_change_nothing(life: list[AnyEvent], chance: random.Random) -> None:
    """Redelivery: what was seen comes again, later, in any order."""
    job = folded(*life)
    for event in chance.choices(life, k=10):
        assert evolve(job, event) is job


@given(lives, st.randoms(use_true_random=False))
def test_topics_may_be_read_in_any_interleaving(life: list[AnyEvent], chance: random.Random) -> None:
    """Within a topic order is kept; between requests, attempts and ends there is none."""
    topics: list[list[AnyEvent]] = [[], [], []]
    for event in life:
        topics[_topic_of(event)].append(event)
    interleaved: list[AnyEvent] = []
    while any(topics):
        interleaved.append(chance.choice([topic for topic in topics if topic]).pop(0))
    one, other = folded(*life), folded(*interleaved)
    assert (one.status, one.attempts, one.end, one.requested) == (
        other.status,
        other.attempts,
        other.end,
        other.requested,
    )


def _topic_of(event: AnyEvent) -> int:
    if isinstance(event, Requested):
        return 0
    return 1 if isinstance(event, (AttemptStarted, AttemptFailed, AttemptYielded)) else 2


@given(lives)
def test_each_event_raises_the_revision_by_one_or_changes_nothing(life: list[AnyEvent]) -> None:
    job: Job | None = None
    for event in life:
        after = evolve(job, event)
        before = job if job is not None else Job(id="job", tenant="default", queue="q", model="m")
        assert after.revision - before.revision in (0, 1)
        assert (after == before) is (after.revision == before.revision)
        job = after


@given(lives)
def test_counts_follow_the_starts_in_their_order(life: list[AnyEvent]) -> None:
    job = folded(*life)
    started_ids = list(dict.fromkeys(event.attempt_id for event in life if isinstance(event, AttemptStarted)))
    seen = [attempt.id for attempt in job.attempts if attempt.started_ms is not None]
    assert sorted(seen) == sorted(started_ids)
    assert [job.attempt_number(attempt) for attempt in seen] == list(range(1, len(seen) + 1))
    yielded_ids = {attempt.id for attempt in job.attempts if attempt.yielded}
    assert job.counted_attempts == len(set(seen) - yielded_ids)
    for place, attempt in enumerate(seen):
        assert job.counted_before(attempt) == len([one for one in seen[:place] if one not in yielded_ids])


def test_the_newest_start_owns_the_job() -> None:
    job = folded(requested(), started("a1"), started("a2"))
    assert job.owner is not None
    assert job.owner.id == "a2"
    assert evolve(job, yielded("a1")).owner == job.owner


def test_yielded_attempts_do_not_count_and_failed_and_vanished_ones_do() -> None:
    job = folded(
        requested(),
        started("a1"),
        yielded("a1"),
        started("a2"),
        failed_attempt("a2"),
        started("a3"),
        started("a4"),
    )
    assert job.counted_attempts == 3
    assert job.counted_before("a4") == 2
    assert job.attempt_number("a4") == 4


def test_an_attempt_tells_what_became_of_it() -> None:
    [attempt] = folded(requested(), started("a1"), failed_attempt("a1", 99)).attempts
    assert (attempt.worker, attempt.started_ms, attempt.ended_ms) == ("worker of a1", 2, 3)
    assert (attempt.error, attempt.message, attempt.retry_at_ms) == (ErrorClass.MODEL_LOST, "gone", 99)
    assert not attempt.running


def test_dead_letters_change_no_job() -> None:
    job = folded(requested(), started("a1"), failed())
    letter = DeadLettered(
        **COMMON,
        time_ms=4,
        letter_id="l",
        request=b"x",
        error=ErrorClass.POISON,
        message="",
        attempts=3,
        origin="t",
    )
    assert evolve(job, letter) is job
    assert evolve(job, Purged(**COMMON, time_ms=5, letter_id="l")) is job
