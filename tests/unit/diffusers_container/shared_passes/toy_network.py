"""A network of one addition for the tests of passes, and runs that use it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from model_containers.diffusers.shared_passes.call import Call, Member
from model_containers.diffusers.shared_passes.passes import SharedPasses
from model_containers.sdk.errors import OutOfMemory

POISON = -1.0


@dataclass
class AddOne:
    """Adds one to every sample. Each pass notes its rows; `gate`, while closed, holds passes up.

    takes_s: how long a pass takes. fits: rows that memory has room for. limit: rows that it says a pass may have. A
    sample of POISON breaks its pass.
    """

    takes_s: float = 0.0
    fits: int = 1000
    limit: int = 1000
    passes: list[list[float]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    serial: int = field(default_factory=itertools.count().__next__)

    def forward(self, calls: Sequence[Call], most_rows: int) -> list[torch.Tensor]:
        rows = [float(row.flatten()[0]) for call in calls for row in call.sample]
        self.passes.append(rows)
        assert self.gate.wait(20)
        time.sleep(self.takes_s)
        if len(rows) > self.fits:
            raise OutOfMemory(f"{len(rows)} rows")
        if POISON in rows:
            raise ValueError("poison")
        return [call.sample + 1 for call in calls]

    def most_rows(self, call: Call, wanted: int) -> int:
        return min(wanted, self.limit)


@dataclass
class Runner:
    """A run on a thread of its own: `steps` calls of `rows` rows that all hold `value`."""

    passes: SharedPasses
    network: AddOne
    value: float
    rows: int = 2
    steps: int = 1
    check: Callable[[], None] = lambda: None
    side: int = 1
    outputs: list[torch.Tensor] = field(default_factory=list)
    error: BaseException | None = None

    def start(self) -> Runner:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def ended(self) -> Runner:
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self

    def _run(self) -> None:
        member = Member(self.check)
        try:
            for _ in range(self.steps):
                sample = torch.full((self.rows, 1, self.side, self.side), self.value)
                call = Call(member, self.network, sample, torch.zeros(self.rows), {})
                self.outputs.append(self.passes.serve(call))
        except BaseException as error:
            self.error = error
        finally:
            self.passes.leave(member)
