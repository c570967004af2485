"""One call of a denoiser on its way through a shared pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import torch

from model_containers.diffusers.shared_passes.fairness import Account


class Network(Protocol):
    """What carries a pass out. serial: its number; no two networks of a process ever have the same."""

    serial: int

    def forward(self, calls: Sequence[Call], most_rows: int) -> list[torch.Tensor]:
        """The outputs of calls with one key, in order. Raises OutOfMemory, or what the network raises."""

    def most_rows(self, call: Call, wanted: int) -> int:
        """How many rows, at most `wanted`, a pass of this call's kind may have by memory; at least 2."""


@dataclass(eq=False)
class Member:
    """A run that makes pictures now. check: raises when nobody wants it any more. key, call: of its latest call.

    call: None while the run is between two steps. passes, runs: how many passes it had, and the runs in them, added up.
    """

    check: Callable[[], None]
    account: Account = field(default_factory=Account)
    key: Hashable = None
    call: Call | None = None
    passes: int = 0
    runs: int = 0


@dataclass(eq=False)
class Call:
    """What a run asks of its denoiser. Calls of one key may share a pass.

    sample: (rows, channels, rows, columns). timesteps: (rows,), float32. conditions: by the network's name for each,
    rows first. alone: to be served by itself, since a pass that it was in failed.
    """

    member: Member
    network: Network
    sample: torch.Tensor
    timesteps: torch.Tensor
    conditions: Mapping[str, torch.Tensor]
    output: torch.Tensor | None = None
    error: BaseException | None = None
    alone: bool = False
    arrived: float = 0.0
    turn: threading.Condition | None = None

    @property
    def rows(self) -> int:
        """How many rows of a pass it takes."""
        return len(self.sample)

    @property
    def work(self) -> float:
        """What it costs, for fairness: elements of its sample."""
        return float(self.sample.numel())

    @property
    def served(self) -> bool:
        """Whether it has its output, or its error."""
        return self.output is not None or self.error is not None

    @cached_property
    def key(self) -> Hashable:
        """The network and the shapes of what it is given: the same for calls that may share a pass."""
        shapes = tuple((name, tuple(part.shape[1:])) for name, part in sorted(self.conditions.items()))
        return (self.network.serial, tuple(self.sample.shape[1:]), shapes)

    def wait(self, timeout_s: float) -> None:
        """Wait for an output, or for the turn to lead; the lock of its condition must be held."""
        if self.turn is not None:
            self.turn.wait(max(0.0, timeout_s))
