"""Which files are worth being merged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evoke.adapters.iceberg.compaction import OPEN_PARTITION_FILES, TARGET_BYTES, worth_merging

MIB = 1 << 20
SIZES = st.lists(st.integers(1, 2 * TARGET_BYTES), max_size=60)


def test_small_files_of_a_closed_partition_become_one() -> None:
    assert worth_merging([1000, 2000, 1500], closed=True) == [[0, 2, 1]]


def test_one_file_is_left_alone() -> None:
    assert worth_merging([1000], closed=True) == []
    assert worth_merging([], closed=True) == []


def test_an_open_partition_grows_some_files_first() -> None:
    assert worth_merging([1000] * (OPEN_PARTITION_FILES - 1), closed=False) == []
    (group,) = worth_merging([1000] * OPEN_PARTITION_FILES, closed=False)
    assert len(group) == OPEN_PARTITION_FILES


def test_large_files_are_never_rewritten() -> None:
    assert worth_merging([TARGET_BYTES, TARGET_BYTES + 1, 2 * TARGET_BYTES], closed=True) == []


def test_a_late_event_does_not_cost_a_large_file() -> None:
    assert worth_merging([20 * MIB, 3000], closed=True) == []
    assert worth_merging([20 * MIB, 3000, 3000], closed=True) == [[1, 2]]


def test_files_of_the_same_tier_are_merged_when_they_sum_up() -> None:
    (group,) = worth_merging([8 * MIB, 3 * MIB, 3 * MIB], closed=True)
    assert sorted(group) == [0, 1, 2]


@given(SIZES, st.booleans())
def test_groups_are_disjoint_and_small_enough_to_rewrite(sizes: list[int], closed: bool) -> None:
    groups = worth_merging(sizes, closed=closed)
    chosen = [index for group in groups for index in group]
    assert len(chosen) == len(set(chosen))
    assert all(sum(sizes[index] for index in group) <= TARGET_BYTES for group in groups)
    assert all(sizes[index] < TARGET_BYTES for index in chosen)


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=400))
def test_events_that_trickle_in_are_rewritten_a_few_times_only(arrivals: list[int]) -> None:
    files: list[int] = []
    rewritten = 0
    for size in arrivals:
        files.append(size * 1000)
        for group in worth_merging(files, closed=True):
            merged = sum(files[index] for index in group)
            rewritten += merged
            files = [size for index, size in enumerate(files) if index not in group] + [merged]
    total = sum(arrivals) * 1000
    assert len(files) <= 2 + total // TARGET_BYTES * 2 + 12
    assert rewritten <= total * 40
