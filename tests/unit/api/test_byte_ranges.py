"""Byte ranges lie within the bytes, whatever is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.byte_ranges import Unsatisfiable, parse_range


@given(st.integers(0, 100), st.integers(0, 120), st.integers(0, 120))
def test_a_range_is_what_a_slice_would_give(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    if last < first:
        assert parse_range(f"bytes={first}-{last}", size) is None
    elif first >= size:
        with pytest.raises(Unsatisfiable):
            parse_range(f"bytes={first}-{last}", size)
    else:
        start, length = parse_range(f"bytes={first}-{last}", size) or (0, 0)
        assert data[start : start + length] == data[first : last + 1]


@given(st.integers(1, 100), st.integers(1, 120))
def test_a_suffix_is_the_last_bytes(size: int, count: int) -> None:
    assert parse_range(f"bytes=-{count}", size) == (max(0, size - count), min(size, count))


@given(st.text(max_size=30), st.integers(0, 50))
def test_any_header_gives_a_range_inside_or_the_whole(header: str, size: int) -> None:
    try:
        found = parse_range(header, size)
    except Unsatisfiable:
        return
    assert found is None or (0 <= found[0] < size and 0 < found[1] <= size - found[0])


@pytest.mark.parametrize("header", [None, "", "bytes", "bytes=-", "bytes=1-2,3-4", "items=0-1", "bytes=1--2"])
def test_what_is_no_single_range_means_the_whole(header: str | None) -> None:
    assert parse_range(header, 10) is None
