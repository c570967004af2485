"""A set of ids in ascending order. Ids carry their time, so nearly every one is added at the end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator


class SortedIds:
    """Distinct strings in order. Adding at the end is O(1); the rest moves pointers, 8 bytes each."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: list[str] = []

    def add(self, item: str) -> None:
        """Add one; adding it again changes nothing."""
        ids = self._ids
        if not ids or item > ids[-1]:
            ids.append(item)
            return
        place = bisect_left(ids, item)
        if ids[place] != item:
            ids.insert(place, item)

    def discard(self, item: str) -> None:
        """Remove one if it is there."""
        place = self.rank(item)
        if place < len(self._ids) and self._ids[place] == item:
            del self._ids[place]

    def rank(self, item: str) -> int:
        """How many are smaller than `item`."""
        return bisect_left(self._ids, item)

    def descending(self, before: str | None = None) -> Iterator[str]:
        """From the greatest down, those smaller than `before`. Not to be changed meanwhile."""
        place = len(self._ids) if before is None else self.rank(before)
        for index in range(place - 1, -1, -1):
            yield self._ids[index]

    @property
    def first(self) -> str | None:
        """The smallest, None when there is none."""
        return self._ids[0] if self._ids else None

    def __len__(self) -> int:
        return len(self._ids)
