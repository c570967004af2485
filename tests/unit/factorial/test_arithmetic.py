"""Factorials are exact and can be given up between any two steps."""

from __future__ import annotations

import math
import sys

import pytest

from model_containers.factorial.arithmetic import LEAF, PIECE_DIGITS, decimal, factorial, steps_of_factorial

NUMBERS = [0, 1, 2, 3, 20, 25, LEAF - 1, LEAF, LEAF + 1, 2 * LEAF, 3 * LEAF + 7, 5000, 12345]


class Enough(Exception):
    """Raised by a step."""


@pytest.fixture(autouse=True)
def long_numbers_as_text() -> None:
    sys.set_int_max_str_digits(0)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_product_and_its_digits_are_exact(number: int) -> None:
    product = factorial(number, lambda: None)
    assert product == math.factorial(number)
    assert "".join(decimal(product, lambda: None)) == str(math.factorial(number))


@pytest.mark.parametrize("number", NUMBERS)
def test_the_number_of_steps_is_known_before(number: int) -> None:
    steps: list[int] = []
    factorial(number, lambda: steps.append(1))
    assert len(steps) == steps_of_factorial(number)


@pytest.mark.parametrize(
    "exponent", [0, 1, PIECE_DIGITS - 1, PIECE_DIGITS, 2 * PIECE_DIGITS, 4 * PIECE_DIGITS + 1]
)
def test_zeros_inside_the_digits_are_kept(exponent: int) -> None:
    for number in (10**exponent, 10**exponent + 1, 10**exponent - 1):
        assert "".join(decimal(factorial(0, lambda: None) * number, lambda: None)) == str(number)


def test_the_digits_come_in_bounded_pieces() -> None:
    pieces = list(decimal(factorial(20_000, lambda: None), lambda: None))
    assert max(map(len, pieces)) <= PIECE_DIGITS
    assert all(pieces)


def test_a_step_that_raises_ends_the_work() -> None:
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        if len(steps) == 5:
            raise Enough

    with pytest.raises(Enough):
        factorial(1_000_000, step)
    assert len(steps) == 5
