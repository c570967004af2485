"""Rows of the queue: who holds which request, by the statements that take, release and look."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import apsw
import msgspec

from evoke.adapters.sqlite.entries import read_queued
from evoke.adapters.sqlite.schema import scalar
from evoke.domain import topics
from evoke.domain.topics import Lane
from evoke.ports.event_log import LogEntry

_encode = msgspec.json.Encoder().encode
_pairs = msgspec.json.Decoder(list[tuple[int, int]]).decode


class State(IntEnum):
    """Where a request stands."""

    WAITING = 0
    TAKEN = 1
    DELAYED = 2


class Receipt(NamedTuple):
    """Names one taking of one request, so that a lease that was lost meanwhile acts on nothing."""

    seq: int
    taken: int

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read what `str` of a receipt wrote. Raises ValueError."""
        seq, _, taken = text.partition(".")
        return cls(int(seq, 16), int(taken))

    def __str__(self) -> str:
        return f"{self.seq:x}.{self.taken}"


class Taken(NamedTuple):
    """A request that was taken."""

    lane: Lane
    entry: LogEntry
    receipt: Receipt


class Subscriber(NamedTuple):
    """A row of `subscribers`."""

    token: str
    queue: str
    worker: str


class View(NamedTuple):
    """What a waiting subscription sees. due_ms: when the next delayed request is due; others: their leases' ends."""

    waiting: bool
    due_ms: int | None
    others: Sequence[tuple[str, int]]


def clock_ms() -> int:
    """The machine's monotonic clock: the same in every process, and no change of the date moves it."""
    return time.monotonic_ns() // 1_000_000


def lanes_of(queue: str) -> tuple[str, str]:
    """The queue's two topics of requests: interactive, bulk."""
    return topics.requested(queue, Lane.INTERACTIVE), topics.requested(queue, Lane.BULK)


class LaneTurns:
    """Whose turn it is: one in `bulk_every` is bulk while both lanes wait, so that bulk never starves."""

    def __init__(self, bulk_every: int) -> None:
        self._bulk_every = bulk_every
        self._since_bulk = 0

    def choose(self, interactive: Sequence[int], bulk: Sequence[int], limit: int) -> list[tuple[Lane, int]]:
        """Pick up to `limit` of what waits in both lanes, each of which is given oldest first."""
        chosen: list[tuple[Lane, int]] = []
        first, second = list(reversed(interactive)), list(reversed(bulk))
        while len(chosen) < limit and (first or second):
            if second and (not first or self._since_bulk >= self._bulk_every - 1):
                chosen.append((Lane.BULK, second.pop()))
                self._since_bulk = 0
            else:
                chosen.append((Lane.INTERACTIVE, first.pop()))
                self._since_bulk += 1
        return chosen


def renew(connection: apsw.Connection, subscriber: Subscriber, lease_ms: int) -> None:
    """Extend the lease of all that a subscriber holds; bring it back when it was taken for dead."""
    connection.execute(
        "INSERT INTO subscribers (token, queue, worker, lease_until_ms) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (token) DO UPDATE SET lease_until_ms = excluded.lease_until_ms",
        (*subscriber, clock_ms() + lease_ms),
    )


def take(
    connection: apsw.Connection, subscriber: Subscriber, lease_ms: int, turns: LaneTurns, limit: int
) -> list[Taken]:
    """Take up to `limit` requests. Raises LogCorrupt, having taken none, when one of them is damaged."""
    lanes = lanes_of(subscriber.queue)
    connection.execute(
        "UPDATE requests SET state = 0, due_ms = 0 WHERE state = 2 AND topic IN (?, ?) AND due_ms <= ?",
        (*lanes, clock_ms()),
    )
    interactive, bulk = (_waiting(connection, topic, limit) for topic in lanes)
    chosen = turns.choose(list(interactive), list(bulk), limit)
    if not chosen:
        return []
    seqs = [seq for _, seq in chosen]
    entries = read_queued(connection, seqs)
    if scalar(connection, "SELECT 1 FROM subscribers WHERE token = ?", (subscriber.token,)) is None:
        renew(connection, subscriber, lease_ms)
    connection.execute(
        "UPDATE requests SET state = 1, owner = ?, taken = taken + 1 "
        "WHERE seq IN (SELECT value FROM json_each(?))",
        (subscriber.token, _encode(seqs).decode()),
    )
    taken = {**interactive, **bulk}
    return [
        Taken(lane, entry, Receipt(seq, taken[seq] + 1))
        for (lane, seq), entry in zip(chosen, entries, strict=True)
    ]


def _waiting(connection: apsw.Connection, topic: str, limit: int) -> dict[int, int]:
    """The oldest requests that wait, by number, and how often each was taken; read in one step."""
    found = scalar(
        connection,
        "SELECT json_group_array(json_array(seq, taken) ORDER BY seq) FROM "
        "(SELECT seq, taken FROM requests WHERE topic = ? AND state = 0 ORDER BY seq LIMIT ?)",
        (topic, limit),
    )
    return dict(_pairs(str(found)))


def remove(connection: apsw.Connection, done: Sequence[tuple[str, Receipt]]) -> None:
    """These requests are done with, each by the token of its subscriber; one that is no longer its own stays."""
    connection.execute(
        "DELETE FROM requests WHERE seq IN (SELECT r.seq FROM json_each(?) AS done "
        "CROSS JOIN requests AS r ON r.seq = done.value ->> 0 "
        "WHERE r.taken = done.value ->> 1 AND r.owner = done.value ->> 2)",
        (_encode([(receipt.seq, receipt.taken, token) for token, receipt in done]).decode(),),
    )


def release(connection: apsw.Connection, token: str, receipt: Receipt) -> None:
    """Make the request wait again; nothing happens when it is no longer this subscriber's."""
    connection.execute(
        "UPDATE requests SET state = 0, owner = NULL WHERE seq = ? AND taken = ? AND owner = ?",
        (receipt.seq, receipt.taken, token),
    )


def delay(connection: apsw.Connection, token: str, receipt: Receipt, delay_ms: int) -> None:
    """Make the request wait again after a delay; nothing happens when it is no longer this subscriber's."""
    connection.execute(
        "UPDATE requests SET state = 2, owner = NULL, due_ms = ? WHERE seq = ? AND taken = ? AND owner = ?",
        (clock_ms() + delay_ms, receipt.seq, receipt.taken, token),
    )


def forget(connection: apsw.Connection, token: str) -> None:
    """End a subscriber: all that it holds waits again."""
    connection.execute("UPDATE requests SET state = 0, owner = NULL WHERE owner = ?", (token,))
    connection.execute("DELETE FROM subscribers WHERE token = ?", (token,))


def forget_expired(connection: apsw.Connection, token: str) -> None:
    """End a subscriber if its lease has run out, as of now."""
    until = scalar(connection, "SELECT lease_until_ms FROM subscribers WHERE token = ?", (token,))
    if isinstance(until, int) and until < clock_ms():
        forget(connection, token)


def forget_all(connection: apsw.Connection, boot: str) -> None:
    """Nobody else has the file open: all leases are void. Delays are void where the machine has started anew.

    boot: names this run of the machine; its monotonic clock means nothing in another.
    """
    connection.execute("DELETE FROM subscribers; UPDATE requests SET state = 0, owner = NULL WHERE state = 1")
    if scalar(connection, "SELECT value FROM facts WHERE name = 'boot'") != boot:
        connection.execute("UPDATE requests SET state = 0, due_ms = 0 WHERE state = 2")
        connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('boot', ?)", (boot,))


def look(connection: apsw.Connection, subscriber: Subscriber) -> View:
    """See whether something waits, and until when the others' leases run."""
    lanes = lanes_of(subscriber.queue)
    waiting = scalar(connection, "SELECT 1 FROM requests WHERE topic IN (?, ?) AND state = 0 LIMIT 1", lanes)
    due = scalar(connection, "SELECT min(due_ms) FROM requests WHERE topic IN (?, ?) AND state = 2", lanes)
    others = connection.execute(
        "SELECT token, lease_until_ms FROM subscribers WHERE queue = ? AND token != ?",
        (subscriber.queue, subscriber.token),
    )
    leases = [(str(token), int(until_ms)) for token, until_ms in others]
    return View(waiting is not None, due if isinstance(due, int) else None, leases)


class Counts(NamedTuple):
    """Figures of a queue; waiting and held by lane: interactive, bulk. oldest_ms: Unix time in ms."""

    waiting: tuple[int, int]
    delayed: int
    taken: int
    oldest_ms: int | None
    tokens: Sequence[str]


def count(connection: apsw.Connection, queue: str) -> Counts:
    """Count a queue's requests and subscribers. Reads as many index entries as there are requests."""
    lanes = lanes_of(queue)
    sql = "SELECT topic, state, count(*) FROM requests WHERE topic IN (?, ?) GROUP BY topic, state"
    found = {(topic, state): number for topic, state, number in connection.execute(sql, lanes)}
    due = scalar(
        connection,
        "SELECT count(*) FROM requests WHERE topic IN (?, ?) AND state = 2 AND due_ms <= ?",
        (*lanes, clock_ms()),
    )
    oldest = [
        scalar(
            connection,
            "SELECT queued_ms FROM requests WHERE topic = ? AND state = 0 ORDER BY seq LIMIT 1",
            (topic,),
        )
        for topic in lanes
    ]
    tokens = connection.execute("SELECT token FROM subscribers WHERE queue = ?", (queue,)).fetchall()
    return Counts(
        waiting=(found.get((lanes[0], State.WAITING), 0), found.get((lanes[1], State.WAITING), 0)),
        delayed=sum(found.get((lane, State.DELAYED), 0) for lane in lanes)
        - (due if isinstance(due, int) else 0),
        taken=sum(found.get((lane, State.TAKEN), 0) for lane in lanes),
        oldest_ms=min((ms for ms in oldest if isinstance(ms, int)), default=None),
        tokens=[str(row[0]) for row in tokens],
    )
