"""How much memory uploads may take, all together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from evoke.domain.errors import Unavailable

Take = Callable[[int], None]
"""Counts bytes that a request holds. Raises Unavailable when there is no room for them."""

_RETRY_AFTER_S = 5.0


class UploadRoom:
    """Counts the bytes that are held, not those that were announced: a client that sends slowly keeps nobody out."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.held_bytes = 0

    @contextmanager
    def share(self) -> Iterator[Take]:
        """Yield what a request counts its bytes with; they are free again when it is over."""
        held = 0

        def take(count: int) -> None:
            nonlocal held
            if self.held_bytes + count > self._limit_bytes:
                raise Unavailable("as many bytes of uploads as may be are under way", _RETRY_AFTER_S)
            held += count
            self.held_bytes += count

        try:
            yield take
        finally:
            self.held_bytes -= held
