"""Whose turn it is when not all fit into a pass."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from model_containers.diffusers.shared_passes.fairness import Account, Fairness


@given(st.lists(st.integers(1, 64), min_size=2, max_size=8), st.integers(20, 200))
def test_runs_that_always_want_more_are_served_alike(works: list[int], passes: int) -> None:
    fairness, accounts = Fairness(), [Account() for _ in works]
    for account in accounts:
        fairness.join(account)
    for _ in range(passes):
        first = min(range(len(works)), key=lambda index: accounts[index].served)
        fairness.charge([(accounts[first], works[first])])
    served = [account.served for account in accounts]
    assert max(served) - min(served) <= max(works)


def test_who_comes_late_neither_overtakes_for_long_nor_pays_for_the_past() -> None:
    fairness, old, new = Fairness(), Account(), Account()
    fairness.join(old)
    for _ in range(100):
        fairness.charge([(old, 2.0)])
    fairness.join(new)
    assert old.served - new.served <= 2.0


def test_who_was_away_has_saved_nothing_up() -> None:
    fairness, away, busy = Fairness(), Account(), Account()
    fairness.join(away)
    fairness.join(busy)
    for _ in range(50):
        fairness.charge([(busy, 1.0)])
    fairness.join(away)
    assert busy.served - away.served <= 1.0
