"""Named places at which tests make a process die, fail or wait. Nothing happens unless a setting names them.

`EVOKE_FAILPOINTS="sidecar.after_start=kill,archiver.before_commit=kill:3"`: at its third passage
the archiver kills itself with SIGKILL. Actions: `kill`, `raise`, `sleep:SECONDS`; `:N` after `kill` and
`raise` means the N-th passage (default 1).
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

from evoke.domain.errors import InvalidInput

_ACTIONS = ("kill", "raise", "sleep")


class InjectedFault(Exception):
    """Raised at a failpoint whose action is `raise`."""


class Failpoints:
    """The failpoints of one process."""

    def __init__(self, specification: str = "") -> None:
        """Parse `name=action[:argument]` pairs. Raises InvalidInput on an unknown action."""
        self._actions: dict[str, tuple[str, float]] = {}
        self._passages: Counter[str] = Counter()
        for pair in filter(None, (part.strip() for part in specification.split(","))):
            name, _, rest = pair.partition("=")
            action, _, argument = rest.partition(":")
            if action not in _ACTIONS:
                raise InvalidInput(
                    "EVOKE_FAILPOINTS", f"{pair!r}: the action must be one of {', '.join(_ACTIONS)}"
                )
            self._actions[name] = (action, float(argument or 1))

    def reach(self, name: str) -> None:
        """Pass the place called `name`: does nothing unless the setting names it."""
        if name not in self._actions:
            return
        action, argument = self._actions[name]
        self._passages[name] += 1
        if action == "sleep":
            time.sleep(argument)
        elif self._passages[name] == int(argument):
            if action == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise InjectedFault(name)
