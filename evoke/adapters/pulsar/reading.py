"""Reads one topic on a thread of its own: the client's readers can only be waited for by blocking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pulsar

from evoke.adapters.pulsar.connection import Connection
from evoke.adapters.pulsar.place import translated
from evoke.adapters.pulsar.positions import Place, message_id, place_of, position, position_of
from evoke.domain.errors import EvokeError, Unavailable
from evoke.ports.event_log import LogEntry, Position

MOST = 500
"""Entries handed on at once."""
APART_S = 3.0
"""How long a reader may be without its broker. The client tries again by itself, but pauses as long as the broker was
away, up to a minute: a new reader tries at once."""
_WAIT_MS = 500
_GATHER_S = 0.002
"""How long a reader that is busy lets messages gather: each time that it wakes it takes Python's lock from those who
append, and wakes the event loop."""
_BUSY_S = 0.004
"""Who woke again so soon is busy."""


def entry_of(epoch: int, topic: str, message: pulsar.Message) -> LogEntry:
    """A message as an entry of the log of an epoch."""
    return LogEntry(
        topic,
        position_of(epoch, message.message_id()),
        message.partition_key(),
        message.data(),
        message.properties(),
    )


def begin(connection: Connection, topic: str, after: Position | None) -> tuple[pulsar.MessageId, Position]:
    """Where to start so as to read what follows `after`, None: what is not trimmed; and what to pass over. Blocks.

    All of this log follows what lies in an earlier one.
    """
    if after is not None and (place := place_of(after)).epoch >= connection.epoch:
        return message_id(place), after
    trimmed = connection.administration.acknowledged(topic)
    if trimmed is None or trimmed[1] < 0:
        return pulsar.MessageId.earliest, Position("")
    past = position(connection.epoch, trimmed[0], trimmed[1], 0xFFFFFF)
    return message_id(Place(trimmed[0], trimmed[1] + 1, 0)), past


def read_page(connection: Connection, topic: str, after: Position | None, limit: int) -> list[LogEntry]:
    """Up to `limit` entries after a position, as of now. Blocks."""
    end = connection.administration.last(topic)
    if end is None:
        return []
    last = position(connection.epoch, *end)
    if limit < 1 or (after is not None and after >= last):
        return []
    start, passed = begin(connection, topic, after)
    reader = connection.client.create_reader(
        connection.place.topic(topic), start, receiver_queue_size=min(1000, limit + 1)
    )
    entries: list[LogEntry] = []
    try:
        while len(entries) < limit and passed < last:
            if not reader.has_message_available():
                break
            entry = entry_of(connection.epoch, topic, reader.read_next(10_000))
            if entry.position > passed:
                passed = entry.position
                entries.append(entry)
    finally:
        reader.close()
    return entries


class TopicReader:
    """Hands on what a topic brings, in its order, until it is stopped. Errors are handed on too, and end it.

    `hand_on` is called on the reader's thread and may block it: that is the back-pressure.
    """

    def __init__(  # noqa: PLR0913  # what it reads, from where, and for whom
        self,
        connection: Connection,
        name: str,
        start: Callable[[], tuple[Any, Position]],
        hand_on: Callable[[Sequence[LogEntry] | EvokeError], None],
        *,
        full_name: str | None = None,
        since_ms: int | None = None,
        ordered: bool = True,
        nothing: Callable[[], None] | None = None,
    ) -> None:
        """start: where to begin, and what to pass over. since_ms: begin at that Unix time in ms of publishing.

        nothing: called on the reader's thread when there is nothing to read from there on, yet.

        ordered: pass over what was read before; messages of a topic that stores nothing have no places.
        """
        self._ordered = ordered
        self._connection = connection
        self._name = name
        self._full_name = full_name or connection.place.topic(name)
        self._start = start
        self._hand_on = hand_on
        self._since_ms = since_ms
        self._nothing = nothing
        self._stopped = threading.Event()
        self._woken_s = 0.0
        self.opened = threading.Event()
        threading.Thread(target=self._run, name=f"read {name}", daemon=True).start()

    def stop(self) -> None:
        """End it soon; nothing is handed on from now."""
        self._stopped.set()

    def _run(self) -> None:
        reader = None
        try:
            start, passed = self._start()
            reader = self._connection.client.create_reader(self._full_name, start, receiver_queue_size=1000)
            if self._since_ms is not None:
                reader.seek(self._since_ms)
            if self._nothing is not None and not reader.has_message_available():
                self._nothing()
            self.opened.set()
            self._follow(reader, passed)
        except EvokeError as error:
            self._fail(error)
        except pulsar.PulsarException as error:
            self._fail(translated(error, f"reading {self._name}"))
        finally:
            self.opened.set()
            if reader is not None:
                _close(reader)

    def _follow(self, reader: Any, passed: Position) -> None:
        connected = time.monotonic()
        while not self._stopped.is_set():
            passed = self._step(reader, passed)
            now = time.monotonic()
            if reader.is_connected():
                connected = now
            elif now - connected > APART_S:
                raise Unavailable(f"reading {self._name}: the broker is away")

    def _fail(self, error: EvokeError) -> None:
        if not self._stopped.is_set():
            self._hand_on(error)

    def _step(self, reader: Any, passed: Position) -> Position:
        try:
            message = reader.read_next(_WAIT_MS)
        except pulsar.Timeout:
            return passed
        self._gather()
        # The client lets go of Python's lock for every message. Readers that read at once would take it from each other
        # every time, each time by way of the system's scheduler.
        with self._connection.reading:
            batch, passed = self._drain(reader, message, passed)
        if batch and not self._stopped.is_set():
            self._hand_on(batch)
        return passed

    def _gather(self) -> None:
        """Wait a moment, unless the last batch lies further back than that."""
        now_s = time.monotonic()
        if now_s - self._woken_s < _BUSY_S:
            time.sleep(_GATHER_S)
            now_s += _GATHER_S
        self._woken_s = now_s

    def _drain(
        self, reader: Any, message: pulsar.Message, passed: Position
    ) -> tuple[list[LogEntry], Position]:
        """This message and those that are there behind it, and the position of the last."""
        batch: list[LogEntry] = []
        while True:
            entry = entry_of(self._connection.epoch, self._name, message)
            if (
                entry.position > passed or not self._ordered
            ):  # a reader that has connected again may bring some once more
                batch.append(entry)
                passed = entry.position
            if len(batch) >= MOST:
                break
            try:
                message = reader.read_next(0)
            except pulsar.Timeout:
                break
        return batch, passed


def _close(reader: Any) -> None:
    try:
        reader.close()
    except pulsar.PulsarException:
        time.sleep(0)  # the client is closed already, and its readers with it
