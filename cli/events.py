"""A job's events as they come: server-sent events that survive broken connections.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html. After a break the stream is asked for what
follows the last id that was seen, so that no event of the log is missed or told twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from cli.failures import Refused, Unreachable

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
FIRST_PAUSE_S, LONGEST_PAUSE_S, PATIENCE_S = 0.2, 5.0, 60.0


class ServerEvent(NamedTuple):
    """One event: its name, its data and the id to go on after."""

    name: str
    data: dict[str, Any]
    id: str | None


class EventSource(Protocol):
    """What opens a stream of lines: `Connection` does."""

    def events(self, job_id: str, last_event_id: str | None) -> AbstractContextManager[Iterator[str]]:
        """Open the stream after an id. Raises Unreachable, Refused."""
        ...


def parse(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Turn lines into events. An event that is cut off by the end of the lines is dropped, as the format asks."""
    name, last_id = "message", None
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(name, _object("\n".join(data)), last_id)
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last_id = value


def follow(
    source: EventSource,
    job_id: str,
    *,
    after: str | None = None,
    patience_s: float = PATIENCE_S,
    on_break: Callable[[str], None] = lambda _: None,
) -> Iterator[ServerEvent]:
    """Yield a job's events until its terminal one, over as many connections as it takes.

    after: the id to go on after. on_break: told why a connection ended. Raises Unreachable when there was no
    connection for `patience_s` seconds (at once when there never was one), Refused.
    """
    pause_s, last_heard, ever = FIRST_PAUSE_S, time.monotonic(), False
    while True:
        reason = "the stream ended early"
        try:
            with source.events(job_id, after) as lines:
                ever = True
                for event in parse(lines):
                    pause_s, last_heard = FIRST_PAUSE_S, time.monotonic()
                    after = event.id or after
                    yield event
                    if event.name in TERMINAL:
                        return
                last_heard = time.monotonic()
        except (Unreachable, Refused) as error:
            if not _may_pass(error) or not ever or time.monotonic() - last_heard > patience_s:
                raise
            reason = str(error)
        on_break(reason)
        time.sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2)


def _may_pass(error: Unreachable | Refused) -> bool:
    return isinstance(error, Unreachable) or error.status in (429, 502, 503, 504)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"value": value}
