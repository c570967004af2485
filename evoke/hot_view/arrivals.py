"""How far the log was read, and who waits for it to be read further."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from evoke.domain.errors import InvalidInput, Unavailable
from evoke.ports.event_log import Position


class Arrivals:
    """The position up to which each topic was folded."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._reached: dict[str, Position | None] = dict.fromkeys(topics)
        self._waiting: dict[str, list[tuple[Position, asyncio.Future[None]]]] = {}

    @property
    def cursors(self) -> Mapping[str, Position | None]:
        """Where to go on reading."""
        return dict(self._reached)

    def last(self, topic: str) -> Position | None:
        """The newest position of a topic that was folded."""
        return self._reached.get(topic)

    def has(self, topic: str, position: Position | None) -> bool:
        """Whether everything up to that position was folded (None: nothing is asked for)."""
        if position is None:
            return True
        reached = self._reached.get(topic)
        return reached is not None and reached >= position

    def advance(self, topic: str, position: Position) -> None:
        """Note that the topic was folded up to a position, and let those go on who waited for it."""
        reached = self._reached.get(topic)
        if reached is None or position > reached:
            self._reached[topic] = position
        waiting = self._waiting.get(topic)
        if waiting:
            self._release(topic, position, waiting)

    def _release(
        self, topic: str, position: Position, waiting: list[tuple[Position, asyncio.Future[None]]]
    ) -> None:
        left = []
        for wanted, future in waiting:
            if wanted > position:
                left.append((wanted, future))
            elif not future.done():
                future.set_result(None)
        self._waiting[topic] = left

    async def wait(self, topic: str, position: Position | None, timeout_s: float) -> None:
        """Return once the topic was folded up to `position`.

        Raises Unavailable when that takes longer than `timeout_s` seconds, InvalidInput for a topic that is not read.
        """
        if topic not in self._reached:
            raise InvalidInput("min_position", "is no position of this log")
        if position is None or self.has(topic, position):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (position, future)
        self._waiting.setdefault(topic, []).append(entry)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            raise Unavailable(f"the log was not read up to that position within {timeout_s:g} s") from None
        finally:
            if entry in self._waiting[topic]:
                self._waiting[topic].remove(entry)
