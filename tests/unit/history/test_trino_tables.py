"""What is decided before Trino is asked: windows of time, whose watermark counts, where and as whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.adapters.trino.place import Place
from evoke.adapters.trino.table import Partition, Window, told_by, windows_back
from evoke.domain.errors import InvalidInput

TIMES = st.integers(0, 100)


@given(
    st.lists(st.builds(Partition, TIMES, st.integers(1, 50)), max_size=30),
    st.none() | TIMES,
    st.none() | TIMES,
    st.integers(1, 100),
)
def test_windows_hold_every_time_of_their_bounds_once_newest_first(
    known: list[Partition], low: int | None, high: int | None, first_rows: int
) -> None:
    """Whatever is known of the partitions, which may be old or wrong."""
    ordered = sorted(known, key=lambda partition: partition.start_ms)
    found = list(windows_back(ordered, Window(low, high), first_rows, 400))
    held = [
        moment
        for window in found
        for moment in range(150, -1, -1)
        if (window.low_ms is None or window.low_ms <= moment)
        and (window.high_ms is None or moment <= window.high_ms)
    ]
    wanted = [
        moment
        for moment in range(150, -1, -1)
        if (low is None or low <= moment) and (high is None or moment <= high)
    ]
    assert held == wanted


def test_the_first_window_is_near_and_those_behind_it_grow() -> None:
    known = [Partition(hour * 10, 100) for hour in range(40)]
    found = list(windows_back(known, Window(), 100, 1000))
    assert found[0] == Window(390, None)
    widths = [window.high_ms - window.low_ms for window in found[1:-1] if window.high_ms and window.low_ms]
    assert widths == [39, 99, 99, 99]
    assert found[-1].low_ms is None


def test_the_watermark_is_that_of_the_newest_snapshot_that_tells_one() -> None:
    snapshots: dict[Any, tuple[Any, str | None]] = {1: (None, "a"), 2: (1, "b"), 3: (2, None), 4: (2, "c")}
    assert told_by(snapshots, 3) == "b"
    assert told_by(snapshots, 4) == "c"
    assert told_by({3: (2, None)}, 3) is None
    assert told_by({}, None) is None


def place(**changed: Any) -> Place:
    usual = {"url": "https://trino", "catalog": "evoke", "namespace": "evoke", "user": "evoke"}
    return Place(**{**usual, "tenant_user": "evoke-tenant-", **changed})


def test_a_place_is_where_its_url_says() -> None:
    assert (place().scheme, place().host, place().port) == ("https", "trino", 443)
    assert place(url="http://10.0.0.1:8181").port == 8181
    assert place(url="http://trino").port == 80


@pytest.mark.parametrize("url", ["trino:8080", "ftp://trino", "http://", "https://evoke:secret@trino", ""])
def test_a_url_that_cannot_be_used_is_refused_by_the_settings_name(url: str) -> None:
    with pytest.raises(InvalidInput, match="EVOKE_TRINO_URL"):
        place(url=url)


def test_secrets_are_not_shown() -> None:
    assert "hidden" not in repr(place(password="hidden", token="hidden"))


def test_every_tenant_has_a_user_of_its_own() -> None:
    names = ("", "default", "größe", "it's'; DROP", "a\nb", "DEFAULT")
    users = [place().user_of(name) for name in names]
    assert len(set(users)) == len(names)
    for name, user in zip(names, users, strict=True):
        assert user.isascii()
        assert bytes.fromhex(user.removeprefix("evoke-tenant-")).decode() == name


def test_the_embedded_engine_loads_nothing_of_trino(tmp_path: Path) -> None:
    script = f"""
import asyncio, sys
from evoke.bootstrap import open_history
from evoke.ports.history import QueryLimits
from evoke.settings import load_settings

async def main():
    history = await open_history(load_settings({{"data_dir": {str(tmp_path)!r}}}))
    await history.query("nobody", "SELECT count(*) FROM jobs", QueryLimits())
    await history.close()

asyncio.run(main())
assert "duckdb" in sys.modules
print(sorted(name for name in sys.modules if name.split(".")[0] in ("trino", "requests") or ".trino" in name
             and not name.startswith("sqlglot")))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
