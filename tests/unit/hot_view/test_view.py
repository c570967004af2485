"""The hot view: what it knows, in which order, and what it forgets when."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.codec import encode
from evoke.continuity import RESTORED
from evoke.domain.errors import InvalidInput, Unavailable
from evoke.domain.job import Status
from evoke.domain.topics import Lane, completed, requested
from evoke.hot_view import HotView
from evoke.hot_view.ordered import SortedIds
from evoke.ports.event_log import LogEntry, Position
from tests.unit.hot_view.building import (
    QUEUE,
    Log,
    bulk,
    failure,
    job_id,
    letter,
    purge,
    start,
    submission,
    success,
    yielded,
)

LATER_MS = 1_900_000_000_000


def a_view(hot_bytes: int = 1 << 20, window_s: float = 1e9) -> HotView:
    return HotView([QUEUE], hot_bytes=hot_bytes, window_s=window_s, clock_ms=lambda: LATER_MS)


@pytest.fixture
def log() -> Log:
    return Log(a_view())


def status(view: HotView, number: int) -> Status | None:
    job = view.get("default", job_id(number))
    return None if job is None else job.status


def test_a_job_follows_its_events(log: Log) -> None:
    seen = []
    for event in (submission(1), start(1), yielded(1), start(1, "2"), success(1), failure(1)):
        log.tell(event)
        seen.append(status(log.view, 1))
    assert seen == ["queued", "running", "queued", "running", "succeeded", "succeeded"]


@given(st.permutations([submission(1), start(1), yielded(1), start(1, "2"), success(1)]), st.integers(0, 4))
def test_topics_may_be_read_in_any_order_and_entries_twice(events: list[object], again: int) -> None:
    log = Log(a_view())
    entries = [log.write(event) for event in events]  # type: ignore[arg-type]  # hypothesis loses the union
    log.view.fold(entries)
    log.view.fold([entries[again]])
    job = log.view.get("default", job_id(1))
    assert job is not None
    assert (job.status, job.fold().status, job.fold().counted_attempts) == ("succeeded", "succeeded", 1)
    assert [seen.stage for seen in job.seen()] == sorted(seen.stage for seen in job.seen())
    assert log.view.queues[QUEUE].depth == log.view.queues[QUEUE].running == 0


def test_a_job_is_nobodys_before_its_submission_was_seen(log: Log) -> None:
    log.tell(start(1), success(1))
    assert status(log.view, 1) is None
    assert list(log.view.newest_first("default", None, None)) == []
    log.tell(submission(1))
    assert status(log.view, 1) is Status.SUCCEEDED


def test_a_job_is_its_tenants_alone(log: Log) -> None:
    log.tell(submission(1, "one"))
    assert log.view.get("other", job_id(1)) is None
    assert log.view.has_foreign("other", job_id(1))
    assert list(log.view.newest_first("other", None, None)) == []


def test_an_own_submission_is_there_before_the_tail_brings_it_and_is_not_doubled(log: Log) -> None:
    entry = log.write(submission(1))
    log.view.add_own(submission(1), entry.position, entry.payload)
    assert status(log.view, 1) is Status.QUEUED
    assert not log.view.arrivals.has(entry.topic, entry.position)
    log.view.fold([entry])
    assert log.view.arrivals.has(entry.topic, entry.position)
    assert log.view.queues[QUEUE].depth == 1


def test_waiting_and_running_jobs_are_counted_by_lane_and_tenant(log: Log) -> None:
    log.tell(submission(1), submission(2), bulk(3), start(1))
    counts = log.view.queues[QUEUE]
    assert {lane: len(ids) for lane, ids in counts.waiting.items()} == {Lane.INTERACTIVE: 1, Lane.BULK: 1}
    assert (counts.depth, counts.running, counts.oldest, counts.unfinished["default"]) == (2, 1, job_id(2), 3)
    log.tell(success(1), failure(2), success(3))
    assert (counts.depth, counts.running, counts.oldest, dict(counts.unfinished)) == (0, 0, None, {})


def test_lists_are_by_descending_id_whatever_order_jobs_came_in(log: Log) -> None:
    log.tell(submission(3), submission(1), submission(2, metadata={"grouping": "g"}), submission(4))
    listed = [job.id for job in log.view.newest_first("default", None, job_id(4))]
    assert listed == [job_id(3), job_id(2), job_id(1)]
    assert [job.id for job in log.view.newest_first("default", "g", None)] == [job_id(2)]


def test_a_key_belongs_to_the_first_in_the_log_not_to_the_first_appended(log: Log) -> None:
    mine = submission(1, idempotency_key="k", body_digest="mine")
    first = log.write(submission(2, idempotency_key="k", body_digest="first"))
    entry = log.write(mine)
    log.view.add_own(mine, entry.position, entry.payload)
    assert log.view.keys.holder("default", "k") is None
    log.view.fold([first, entry])
    holder = log.view.keys.holder("default", "k")
    assert holder is not None
    assert (holder.job_id, holder.body_digest) == (job_id(2), "first")


def test_finished_jobs_leave_oldest_first_when_archived_and_unfinished_ones_never() -> None:
    log = Log(a_view(hot_bytes=1))
    log.tell(submission(1), submission(2), submission(3), success(2), success(1))
    halfway = {requested(QUEUE): log.ends[requested(QUEUE)], completed(QUEUE): Position("00000004")}
    assert log.view.make_room({}) == 0
    assert log.view.make_room(halfway) == 1
    assert [status(log.view, n) for n in (1, 2, 3)] == ["succeeded", None, "queued"]
    assert log.view.make_room(log.ends) == 1
    assert [status(log.view, n) for n in (1, 2, 3)] == [None, None, "queued"]
    assert log.view.greatest_left("default") == job_id(2)
    assert log.view.finished_bytes == 0


def test_finished_jobs_leave_by_age_even_when_there_is_room() -> None:
    log = Log(a_view(window_s=1))
    log.tell(submission(1), success(1))
    assert log.view.crowded
    assert log.view.make_room(log.ends) == 1
    assert not log.view.crowded


def test_a_late_event_of_a_job_that_left_brings_no_job_back() -> None:
    log = Log(a_view(hot_bytes=1))
    log.tell(submission(1), success(1))
    log.view.make_room(log.ends)
    log.tell(failure(1), start(1))
    assert len(log.view) == 0


def test_orphans_are_bounded(log: Log) -> None:
    for number in range(10_050):
        log.view.fold([log.write(success(number))])
    assert len(log.view._orphans) == 10_000


def test_what_is_restored_and_then_read_again_is_there_once(log: Log) -> None:
    log.view.restore([submission(1), start(1)])
    log.tell(submission(1), start(1))
    job = log.view.get("default", job_id(1))
    assert job is not None
    assert (job.status, len(list(job.seen()))) == (Status.RUNNING, 2)
    assert log.view.positions(job) is None


def test_undecodable_entries_are_passed_over_and_counted_as_read(log: Log) -> None:
    entry = LogEntry(requested(QUEUE), Position("00000001"), "x", b"\xff not json")
    log.view.fold([entry, log.write(submission(1))])
    assert status(log.view, 1) is Status.QUEUED


def test_letters_are_outstanding_until_closed(log: Log) -> None:
    log.tell(letter(1, "a"), letter(2, "b"), purge(1, "a"))
    assert [each.id for each in log.view.letters.newest_first()] == ["b"]
    found = log.view.letters.get("b")
    assert found is not None
    assert len(found.message) == 500


def test_a_job_that_has_ended_keeps_every_event_in_less_room(log: Log) -> None:
    log.tell(submission(1), start(1))
    job = log.view.get("default", job_id(1))
    assert job is not None
    payloads = [seen.payload for seen in job.seen()]
    before = job.size_bytes
    log.tell(success(1), yielded(1))
    assert [seen.payload for seen in job.seen()] == [
        payloads[0],
        *payloads[1:],
        encode(yielded(1)),
        encode(success(1)),
    ]
    assert job.size_bytes < before + len(encode(success(1)))
    assert (log.view.positions(job) or ("", ""))[0] == completed(QUEUE)


async def test_a_wait_for_a_position_ends_when_it_is_folded(log: Log) -> None:
    entry = log.write(submission(1))
    waiting = asyncio.create_task(log.view.arrivals.wait(entry.topic, entry.position, 20))
    await asyncio.sleep(0)
    assert not waiting.done()
    log.view.fold([entry])
    await waiting
    with pytest.raises(Unavailable):
        await log.view.arrivals.wait(entry.topic, Position("9"), 0.01)
    with pytest.raises(InvalidInput):
        await log.view.arrivals.wait("unheard", Position("1"), 1)


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)), st.text(max_size=3))
def test_sorted_ids_are_a_sorted_set(added: list[str], removed: list[str], pivot: str) -> None:
    ids, model = SortedIds(), set(added) - set(removed)
    for item in added:
        ids.add(item)
    for item in removed:
        ids.discard(item)
    assert list(ids.descending()) == sorted(model, reverse=True)
    assert list(ids.descending(pivot)) == sorted((item for item in model if item < pivot), reverse=True)
    assert (len(ids), ids.first, ids.rank(pivot)) == (
        len(model),
        min(model, default=None),
        sum(item < pivot for item in model),
    )


def test_what_a_restore_has_told_again_is_not_taken_for_new(log: Log) -> None:
    """The job's end may lie in the archive alone: the copy of its submission would wait for ever."""
    entry = log.write(submission(1))
    copy = LogEntry(entry.topic, entry.position, entry.key, entry.payload, {RESTORED: "0-lost"})
    log.view.fold([copy])
    assert status(log.view, 1) is None
    assert log.view.arrivals.has(entry.topic, entry.position)
