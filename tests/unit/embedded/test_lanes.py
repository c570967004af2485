"""Whose turn it is between the two lanes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evoke.adapters.sqlite.requests import LaneTurns, Receipt
from evoke.domain.topics import Lane

lanes = st.lists(st.integers(1, 10**9), unique=True, max_size=30).map(sorted)


@given(lanes, lanes, st.integers(1, 60), st.integers(2, 10))
def test_each_lane_is_taken_from_in_order_and_nothing_that_waits_is_left_while_there_is_room(
    interactive: list[int], bulk: list[int], limit: int, bulk_every: int
) -> None:
    chosen = LaneTurns(bulk_every).choose(interactive, bulk, limit)
    assert len(chosen) == min(limit, len(interactive) + len(bulk))
    for lane, waiting in ((Lane.INTERACTIVE, interactive), (Lane.BULK, bulk)):
        own = [seq for chosen_lane, seq in chosen if chosen_lane is lane]
        assert own == waiting[: len(own)]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=40), st.integers(2, 10))
def test_while_both_lanes_wait_one_in_so_many_is_bulk_however_many_are_taken_at_once(
    limits: list[int], bulk_every: int
) -> None:
    turns = LaneTurns(bulk_every)
    waiting = list(range(1000))
    taken = [lane for limit in limits for lane, _ in turns.choose(waiting, waiting, limit)]
    expected = [
        Lane.BULK if place % bulk_every == bulk_every - 1 else Lane.INTERACTIVE for place in range(len(taken))
    ]
    assert taken == expected


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**31))
def test_a_receipt_survives_being_written(seq: int, taken: int) -> None:
    assert Receipt.parse(str(Receipt(seq, taken))) == (seq, taken)
