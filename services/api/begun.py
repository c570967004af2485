"""A coroutine that is started before anybody waits for it: mostly it has nothing to wait for, and is over at once."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """Await it, once, to go on where it waits; `over` tells whether it is done already."""

    __slots__ = ("_coroutine", "_result", "_waits_for", "over")

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        """Run it up to where it waits. Raises what it raises."""
        self._coroutine = coroutine
        self._waits_for: Any = None
        self.over = False
        self._go_on(None)

    def _go_on(self, error: BaseException | None) -> None:
        try:
            self._waits_for = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except StopIteration as ended:
            self._result: T = ended.value
            self.over = True

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for what it waits for, in its place, and return its result. Raises what it raises."""
        while not self.over:
            try:
                yield self._waits_for
            except BaseException as error:  # a cancellation is the coroutine's to handle
                self._go_on(error)
            else:
                self._go_on(None)
        return self._result
