"""Which checkpoints are in memory: those that runs use, and of the others the ones used last, within a limit.

A checkpoint's memory is measured once it is loaded: the bytes of the storages behind its tensors.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from model_containers.sdk.errors import OutOfMemory

T = TypeVar("T")
LOOK_S = 0.2
"""How often a run that waits for room looks whether anybody still wants it."""
_log = logging.getLogger(__name__)


@dataclass
class _Resident(Generic[T]):
    """A loaded checkpoint. users: runs that use it now."""

    model: T
    size_bytes: int
    users: int = 0


class Residency(Generic[T]):
    """All methods may be called from any thread."""

    def __init__(
        self, limit_bytes: int | None, measure: Callable[[T], int], released: Callable[[], None]
    ) -> None:
        """limit_bytes: of all checkpoints together; None: none. released: called when some were put out of memory.

        A checkpoint that is larger than the limit is loaded all the same, alone.
        """
        self._limit = limit_bytes
        self._measure = measure
        self._released = released
        self._turn = threading.Condition()
        self._loading = False
        self._residents: OrderedDict[str, _Resident[T]] = OrderedDict()

    @property
    def names(self) -> tuple[str, ...]:
        """The checkpoints in memory, the one used longest ago first."""
        with self._turn:
            return tuple(self._residents)

    @contextmanager
    def use(
        self, name: str, load: Callable[[], T], expected_bytes: int, check: Callable[[], None]
    ) -> Iterator[T]:
        """A checkpoint, kept in memory within the block.

        expected_bytes: about how much it will take. check: raises when nobody wants the run any more; called while it
        waits for room. Raises what `load` raises.
        """
        resident = self._taken(name, load, expected_bytes, check)
        try:
            yield resident.model
        finally:
            with self._turn:
                resident.users -= 1
                self._turn.notify_all()

    def _taken(
        self, name: str, load: Callable[[], T], expected_bytes: int, check: Callable[[], None]
    ) -> _Resident[T]:
        with self._turn:
            while name not in self._residents:
                if not self._loading and self._room(expected_bytes):
                    self._loading = True
                    break
                self._turn.wait(LOOK_S)
                check()
            else:
                return self._used(name)
        try:
            model = self._loaded(load)
            with self._turn:
                self._residents[name] = _Resident(model, self._measure(model))
                found = self._used(name)
                self._room(0)
                return found
        finally:
            with self._turn:
                self._loading = False
                self._turn.notify_all()

    def _used(self, name: str) -> _Resident[T]:
        resident = self._residents[name]
        resident.users += 1
        self._residents.move_to_end(name)
        return resident

    def _loaded(self, load: Callable[[], T]) -> T:
        try:
            return load()
        except OutOfMemory:
            with self._turn:
                idle = [name for name, resident in self._residents.items() if not resident.users]
                self._put_out(idle)
            if not idle:
                raise
        return load()

    def _room(self, wanted_bytes: int) -> bool:
        """Make room for so many bytes more. False while runs use what would have to go."""
        if self._limit is None:
            return True
        left = self._limit - wanted_bytes - sum(each.size_bytes for each in self._residents.values())
        idle = [name for name, resident in self._residents.items() if not resident.users]
        going = []
        while left < 0 and idle:
            going.append(idle.pop(0))
            left += self._residents[going[-1]].size_bytes
        self._put_out(going)
        return left >= 0 or not self._residents

    def _put_out(self, names: list[str]) -> None:
        for name in names:
            _log.info("put out of memory, to make room", extra={"model": name})
            del self._residents[name]
        if names:
            self._released()
