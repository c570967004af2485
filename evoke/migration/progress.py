"""How far a migration has come, kept in a file beside what is migrated."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from evoke.domain.errors import Conflict
from evoke.ports.event_log import Position


class TopicProgress(msgspec.Struct, kw_only=True):
    """done: position of the last entry of the source that the target has for sure; entries: how many those are.

    marks: where the parts of the target's topic ended then: what an interrupted run has told since lies behind.
    """

    done: Position | None = None
    marks: dict[str, Position | None] = {}
    entries: int = 0


class Progress(msgspec.Struct, kw_only=True):
    """target: names the engine that is migrated to, so that one file is not taken for two migrations."""

    target: str
    topics: dict[str, TopicProgress] = {}
    finished: bool = False


class ProgressFile:
    """Replaced whole at every step, so that a kill leaves the last step or the one before."""

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self.target = target

    def load(self) -> Progress | None:
        """What an earlier run has left, None when there was none. Raises Conflict when it went somewhere else."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except FileNotFoundError:
            return None
        if found.target != self.target:
            raise Conflict(f"{self._path} tells of a migration to {found.target}, not to {self.target}")
        return found

    def save(self, progress: Progress) -> None:
        """Keep it, through a loss of power too. Raises OSError."""
        draft = self._path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(progress))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
