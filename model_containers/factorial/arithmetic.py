"""Exact factorials of large numbers in steps between which the work can be given up.

Product: binary splitting over consecutive ranges, so that factors have about equal length and multiply fast.
Digits: divide and conquer by powers of ten (Brent and Zimmermann, "Modern Computer Arithmetic", 1.7.2), from the most
significant end, so that they can be written while later ones are still being computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gmpy2

LEAF = 512
"""Numbers that are multiplied one after the other."""

PIECE_DIGITS = 1 << 14
"""Digits that are converted in one go."""

Step = Callable[[], None]


def factorial(number: int, step: Step) -> gmpy2.mpz:
    """Return `number`! (number >= 0), calling `step` after every piece of work; what it raises ends the work."""
    products = []
    for start in range(1, number + 1, LEAF):
        product = gmpy2.mpz(1)
        for factor in range(start, min(start + LEAF, number + 1)):
            product *= factor
        products.append(product)
        step()
    while len(products) > 1:
        products = list(_pairs(products, step))
    return products[0] if products else gmpy2.mpz(1)


def steps_of_factorial(number: int) -> int:
    """How often `factorial` calls its `step`."""
    leaves = -(-number // LEAF)
    return max(0, 2 * leaves - 1)


def _pairs(products: list[gmpy2.mpz], step: Step) -> Iterator[gmpy2.mpz]:
    for index in range(0, len(products) - 1, 2):
        yield products[index] * products[index + 1]
        step()
    if len(products) % 2:
        yield products[-1]


def decimal(number: gmpy2.mpz, step: Step) -> Iterator[str]:
    """Yield the decimal digits of a number >= 0 in pieces, most significant first, calling `step` between divisions."""
    powers = [gmpy2.mpz(10) ** PIECE_DIGITS]
    while powers[-1] <= number:
        powers.append(powers[-1] * powers[-1])
        step()
    leading = True
    for piece in _digits(number, len(powers) - 1, powers, step):
        text = piece.lstrip("0") if leading else piece
        if text:
            leading = False
            yield text
    if leading:
        yield "0"


def _digits(number: gmpy2.mpz, level: int, powers: list[gmpy2.mpz], step: Step) -> Iterator[str]:
    """Digits of a number below `powers[level]`, with leading zeros (none for parts that are zero at the very top)."""
    if level == 0:
        step()
        yield number.digits().rjust(PIECE_DIGITS, "0")
        return
    upper, lower = gmpy2.f_divmod(number, powers[level - 1])
    step()
    yield from _digits(upper, level - 1, powers, step)
    yield from _digits(lower, level - 1, powers, step)
