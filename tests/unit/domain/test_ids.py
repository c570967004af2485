"""A job's id is a UUIDv7 that carries its time."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.domain.errors import InvalidInput
from evoke.domain.ids import RANDOM_BYTES, is_job_id, job_time_ms, uuid7

times = st.integers(0, 2**48 - 1)
randomness = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(times, randomness)
def test_an_id_is_a_uuid_of_version_7_and_gives_its_time_back(time_ms: int, random_bytes: bytes) -> None:
    text = uuid7(time_ms, random_bytes)
    parsed = uuid.UUID(text)
    assert str(parsed) == text
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert is_job_id(text)
    assert job_time_ms(text) == time_ms


@given(times, times, randomness, randomness)
def test_ids_sort_by_time(first: int, second: int, one: bytes, other: bytes) -> None:
    if first < second:
        assert uuid7(first, one) < uuid7(second, other)


@given(times, randomness, randomness)
def test_different_random_bits_make_different_ids(time_ms: int, one: bytes, other: bytes) -> None:
    values = [int.from_bytes(found, "big") for found in (one, other)]
    used = [(value >> 68, value & ((1 << 62) - 1)) for value in values]
    assert (uuid7(time_ms, one) == uuid7(time_ms, other)) is (used[0] == used[1])


def test_the_example_of_the_standard() -> None:
    """RFC 9562, appendix A.6: rand_a is CC3, rand_b is 18C4DC0C0C07398F."""
    rand_a, rand_b = 0xCC3, 0x18C4DC0C0C07398F
    random_bytes = (rand_a << 68 | rand_b).to_bytes(10, "big")
    assert uuid7(0x017F22E279B0, random_bytes) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@pytest.mark.parametrize("time_ms", [-1, 2**48])
def test_a_time_out_of_range_is_refused(time_ms: int) -> None:
    with pytest.raises(ValueError, match="time_ms"):
        uuid7(time_ms, bytes(RANDOM_BYTES))


@pytest.mark.parametrize("length", [0, 9, 11])
def test_too_little_or_too_much_randomness_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="randomness"):
        uuid7(0, bytes(length))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-18c4-dc0c0c07398f",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017f22e279b07cc398c4dc0c0c07398f",
        " 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "../../etc/passwd",
    ],
)
def test_what_is_no_job_id_is_refused(text: str) -> None:
    assert not is_job_id(text)
    with pytest.raises(InvalidInput):
        job_time_ms(text)


@given(st.text())
def test_any_text_is_an_id_or_is_refused(text: str) -> None:
    if not is_job_id(text):
        with pytest.raises(InvalidInput):
            job_time_ms(text)
