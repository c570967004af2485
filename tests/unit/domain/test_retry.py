"""What is tried again, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.domain.errors import ErrorClass
from evoke.domain.retry import RETRYABLE, RetryPolicy

FINAL = [
    ErrorClass.INVALID_INPUT,
    ErrorClass.CHECKPOINT,
    ErrorClass.DEADLINE,
    ErrorClass.POISON,
]
uniforms = st.floats(0, 1, exclude_max=True)


def test_each_error_class_is_retried_or_final() -> None:
    assert set(ErrorClass) == RETRYABLE | set(FINAL)
    assert not RETRYABLE & set(FINAL)


@pytest.mark.parametrize("error", FINAL)
def test_what_would_fail_again_is_not_retried(error: ErrorClass) -> None:
    assert RetryPolicy().delay_s(error, 1, 0.5) is None


@given(st.sampled_from(sorted(RETRYABLE)), st.integers(1, 20), st.integers(1, 20), uniforms)
def test_there_are_as_many_attempts_as_the_policy_says(
    error: ErrorClass, max_attempts: int, attempts: int, uniform: float
) -> None:
    delay_s = RetryPolicy(max_attempts=max_attempts).delay_s(error, attempts, uniform)
    assert (delay_s is None) is (attempts >= max_attempts)


@given(st.integers(1, 99), uniforms)
def test_the_delay_lies_between_nothing_and_the_doubled_base_within_the_cap(
    attempts: int, uniform: float
) -> None:
    policy = RetryPolicy(max_attempts=100, base_s=0.5, cap_s=30.0)
    delay_s = policy.delay_s(ErrorClass.STORAGE, attempts, uniform)
    assert delay_s is not None
    assert 0 <= delay_s <= min(30.0, 0.5 * 2 ** (attempts - 1))


def test_the_jitter_is_full() -> None:
    """From nothing to the whole back-off, in proportion to the random number."""
    policy = RetryPolicy(base_s=2.0)
    assert [policy.delay_s(ErrorClass.MODEL_LOST, 2, uniform) for uniform in (0.0, 0.25, 0.5)] == [
        0.0,
        1.0,
        2.0,
    ]
