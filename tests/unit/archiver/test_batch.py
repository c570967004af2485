"""When a batch has to be committed."""

from __future__ import annotations

import pytest

from evoke.ports.event_log import LogEntry, Position
from services.archiver.batch import BATCH_BYTES, Batch, Pace, watermark_of


def entries(count: int, size_bytes: int = 1, topic: str = "requested_q", first: int = 0) -> list[LogEntry]:
    return [LogEntry(topic, Position(f"{first + n:04d}"), "job", bytes(size_bytes)) for n in range(count)]


@pytest.fixture
def batch() -> Batch:
    return Batch(Pace(interval_s=2.0, max_rows=10))


def test_an_empty_batch_is_never_due(batch: Batch) -> None:
    assert batch.due_in_s(1e9) is None
    assert not batch


def test_a_batch_is_due_an_interval_after_its_first_entry(batch: Batch) -> None:
    batch.add(entries(1), 100.0)
    batch.add(entries(1), 101.5)
    assert batch.due_in_s(101.5) == 0.5
    assert batch.due_in_s(103.0) == 0.0


def test_a_full_batch_is_due_at_once(batch: Batch) -> None:
    batch.add(entries(10), 100.0)
    assert batch.due_in_s(100.0) == 0.0


def test_large_entries_make_a_batch_full(batch: Batch) -> None:
    batch.add(entries(1, BATCH_BYTES), 100.0)
    assert batch.due_in_s(100.0) == 0.0


def test_a_commit_takes_the_oldest_and_no_more_than_it_may(batch: Batch) -> None:
    batch.add(entries(25), 100.0)
    taken = []
    while head := batch.take():
        taken.append([entry.position for entry in head])
    assert [len(positions) for positions in taken] == [10, 10, 5]
    assert [position for positions in taken for position in positions] == [
        entry.position for entry in entries(25)
    ]


def test_taking_makes_room_again(batch: Batch) -> None:
    batch.add(entries(1, BATCH_BYTES), 100.0)
    assert batch.full
    batch.take()
    assert not batch.full
    batch.add(entries(1), 200.0)
    assert batch.due_in_s(200.0) == 2.0


def test_the_watermark_of_entries_is_the_last_of_each_topic() -> None:
    some = entries(2, topic="a") + entries(3, topic="b") + entries(1, topic="a", first=7)
    assert watermark_of(some) == {"a": "0007", "b": "0002"}
