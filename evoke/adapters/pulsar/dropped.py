"""Which keys have left an index: a Bloom filter, so that what was never there need not be looked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

BITS = 1 << 23
MOST_KEYS = 1 << 20
"""With so many keys in it, about one key in forty that was never dropped is taken for one that was."""
_HASHES = 4


class Dropped:
    """Says "perhaps" of every key that was added, and of few others. A mebibyte, once a key was added."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._added = 0

    @property
    def full(self) -> bool:
        """It is of little use any more."""
        return self._added >= MOST_KEYS

    def add(self, key: str) -> None:
        """Take a key in."""
        if not self._bits:
            self._bits = bytearray(BITS // 8)
        self._added += 1
        for bit in _bits_of(key):
            self._bits[bit >> 3] |= 1 << (bit & 7)

    def perhaps(self, key: str) -> bool:
        """Whether the key may have been added; if not, it was not."""
        return bool(self._bits) and all(self._bits[bit >> 3] >> (bit & 7) & 1 for bit in _bits_of(key))


def _bits_of(key: str) -> Iterator[int]:
    digest = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=4 * _HASHES).digest()
    for start in range(0, len(digest), 4):
        yield int.from_bytes(digest[start : start + 4], "little") % BITS
