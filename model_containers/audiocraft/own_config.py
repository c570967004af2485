"""The configuration in AudioCraft's own files: values by dotted names, and what of them can be served."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_containers.sdk.errors import CheckpointError

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
_MOST_HOPS = 8


class OwnConfig:
    """A configuration as it was written, in which `${a.b}` stands for another value."""

    def __init__(self, document: Any, source: Path) -> None:
        """source: what to name in errors."""
        self._document = document
        self.source = source

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a dotted name. Raises CheckpointError where what it stands for can't be told."""
        for _ in range(_MOST_HOPS):
            found: Any = self._document
            for part in name.split("."):
                found = found.get(part) if isinstance(found, Mapping) else None
            if not isinstance(found, str) or "${" not in found:
                return default if found is None else found
            reference = _REFERENCE.fullmatch(found)
            if reference is None:
                break
            name = reference[1]
        raise CheckpointError(f"{self.source}: {name} can't be told from its configuration")

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number. Raises CheckpointError."""
        found = self.get(name, default)
        if not isinstance(found, int) or isinstance(found, bool):
            raise CheckpointError(f"{self.source}: {name} is {found!r}, must be a whole number")
        return found

    def require(self, wanted: Mapping[str, tuple[Any, ...]]) -> None:
        """Check that each value is one of those; the first is what is meant where there is none.

        Raises CheckpointError naming the first that is not: the model would sound wrong.
        """
        for name, values in wanted.items():
            found = self.get(name, values[0])
            if found not in values:
                said = " or ".join(repr(value) for value in values)
                raise CheckpointError(f"{self.source}: {name} is {found!r}; only {said} is served")
