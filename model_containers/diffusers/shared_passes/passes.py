"""Brings the calls of many runs together, and has them served in passes that they share.

Whoever completes a batch has it carried out for all, so a run that is alone waits for nobody. One pass is at work at a
time, over all models of the container.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import torch

from model_containers.diffusers.shared_passes.call import Call, Member
from model_containers.diffusers.shared_passes.fairness import Fairness
from model_containers.sdk.errors import OutOfMemory

PATIENCE = 0.25
"""How long a batch waits for runs that are between two steps, as a share of what its last pass took."""
LEAST_PATIENCE_S = 0.002
LOOK_S = 0.2
"""How often a run that waits looks whether anybody still wants it."""
FEWEST_ROWS = 2
KINDS = 512
"""Kinds of calls whose limits are remembered: networks come and go, with checkpoints and with LoRAs."""


Answer = TypeVar("Answer")


class Compute(Protocol):
    """Where networks run."""

    def __call__(self, task: Callable[[], Answer], /) -> Answer:
        """What `task` returns, done there. Raises what it raises."""


def here(task: Callable[[], Answer]) -> Answer:
    """Networks run on the thread that asks."""
    return task()


class SharedPasses:
    """The denoisers of a container. All methods may be called from any thread."""

    def __init__(
        self, most_rows: int, clock: Callable[[], float] = time.monotonic, compute: Compute = here
    ) -> None:
        """most_rows: of one pass; a guided picture takes two. compute: where passes are carried out."""
        self.compute = compute
        self._most_rows = max(FEWEST_ROWS, most_rows)
        self._clock = clock
        self._lock = threading.Lock()
        self._members: dict[Member, None] = {}
        self._fairness = Fairness()
        self._limits: dict[object, int] = {}
        self._took_s: dict[object, float] = {}
        self._busy = False
        self._ended_at = 0.0

    def serve(self, call: Call) -> torch.Tensor:
        """Serve a call, together with others where there are any: (rows, channels, rows, columns).

        Raises OutOfMemory, what the network raised, and what the member's `check` raises.
        """
        with self._lock:
            self._arrive(call)
            try:
                self._until_served(call)
            finally:
                call.member.call = None
        if call.error is not None:
            raise call.error
        if call.output is None:
            raise RuntimeError("a call of the denoiser was served without an output")
        return call.output

    def leave(self, member: Member) -> None:
        """Wait for this run no longer: it is through with its steps, or ended. It joins again by its next call."""
        with self._lock:
            self._members.pop(member, None)
            self._wake_next()

    def _arrive(self, call: Call) -> None:
        member = call.member
        member.key, member.call = call.key, call
        call.arrived, call.turn = self._clock(), threading.Condition(self._lock)
        if member not in self._members:
            self._members[member] = None
            self._fairness.join(member.account)

    def _until_served(self, call: Call) -> None:
        while not call.served:
            batch = [] if self._busy else self._ready()
            if batch:
                self._lead(batch)
            else:
                call.wait(LOOK_S if self._busy else self._patience_left(call))
            if not call.served:
                call.member.check()

    def _waiting(self) -> list[Call]:
        """Calls that wait, those of the runs that were served least first."""
        calls = [
            member.call for member in self._members if member.call is not None and not member.call.served
        ]
        return sorted(calls, key=lambda call: (call.member.account.served, call.arrived))

    def _ready(self) -> list[Call]:
        """The calls of the next pass; none while it is worth waiting for others."""
        waiting = self._waiting()
        for key in dict.fromkeys(call.key for call in waiting):
            batch = self._fitting([call for call in waiting if call.key == key])
            if self._complete(key, batch) or self._patience_left(batch[0]) <= 0:
                return batch
        return []

    def _fitting(self, calls: Sequence[Call]) -> list[Call]:
        """As many of these calls, in order, as one pass takes; one that is larger than a pass goes by itself."""
        first = calls[0]
        if first.alone or first.key not in self._limits:
            return [first]
        batch, room = [first], self._limits[first.key] - first.rows
        for call in calls[1:]:
            if call.rows <= room and not call.alone:
                batch.append(call)
                room -= call.rows
        return batch

    def _complete(self, key: object, batch: Sequence[Call]) -> bool:
        """Whether nobody would join by waiting: all runs of this kind wait already, or the pass is full."""
        away = any(member.key == key and member.call is None for member in self._members)
        return not away or sum(call.rows for call in batch) >= self._limits.get(key, FEWEST_ROWS)

    def _patience_left(self, call: Call) -> float:
        patience_s = max(LEAST_PATIENCE_S, PATIENCE * self._took_s.get(call.key, 0.0))
        return max(call.arrived, self._ended_at) + patience_s - self._clock()

    def _lead(self, batch: Sequence[Call]) -> None:
        """Carry out a pass, for all its calls; the lock is free meanwhile."""
        self._busy = True
        limit = measured = self._limits.get(batch[0].key)
        self._lock.release()
        started = self._clock()
        error: BaseException | None = None
        try:
            limit = self.compute(lambda: _served(batch, measured, self._most_rows))
        except BaseException as raised:  # the leader must not take its neighbours with it
            error = raised
        finally:
            self._lock.acquire()
        self._busy, self._ended_at = False, self._clock()
        if error is None and limit is not None:
            self._limits[batch[0].key] = limit
            self._took_s[batch[0].key] = self._ended_at - started
            for known in (self._limits, self._took_s):
                while len(known) > KINDS:
                    del known[next(iter(known))]
            self._fairness.charge((call.member.account, call.work) for call in batch)
        elif error is not None:
            self._failed(batch, error)
        _wake(call for call in batch if call.served)
        self._wake_next()

    def _failed(self, batch: Sequence[Call], error: BaseException) -> None:
        """Serve smaller passes when memory did not suffice, else each call by itself: only its own error ends a run."""
        key, rows = batch[0].key, sum(call.rows for call in batch)
        limit = min(self._limits.get(key, FEWEST_ROWS), rows)
        if isinstance(error, OutOfMemory) and limit > FEWEST_ROWS:
            self._limits[key] = max(FEWEST_ROWS, limit // 2)
        elif len(batch) > 1:
            for call in batch:
                call.alone = True
        else:
            batch[0].error = error

    def _wake_next(self) -> None:
        """Let somebody who waits look whether there is a pass to lead."""
        if not self._busy:
            _wake(self._waiting()[:1])


def _served(batch: Sequence[Call], limit: int | None, most_rows: int) -> int:
    """Give each call its output. Returns how many rows a pass of this kind may have, measured where it is not known."""
    network = batch[0].network
    known = network.most_rows(batch[0], most_rows) if limit is None else limit
    outputs = network.forward(batch, known)
    for call, output in zip(batch, outputs, strict=True):
        call.output = output
        call.member.passes += 1
        call.member.runs += len(batch)
    return known


def _wake(calls: Iterable[Call]) -> None:
    for call in calls:
        if call.turn is not None:
            call.turn.notify()
