"""Whose turn it is when not all that wait fit into one pass: start-time fair queueing over runs.

Each run has a virtual time: the work it was served so far. Who has had the least comes first, so a run of one small
picture is not held up by one of sixteen large ones, and nobody starves. A run that joins starts at the present virtual
time: it owes nothing and is owed nothing for the time when it was not there (Goyal, Vin and Cheng 1996).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(eq=False)
class Account:
    """What one run was served, in elements of latents that went through the denoiser."""

    served: float = 0.0


class Fairness:
    """The virtual time of a set of runs."""

    def __init__(self) -> None:
        self._now = 0.0

    def join(self, account: Account) -> None:
        """Let a run take part from now on."""
        account.served = max(account.served, self._now)

    def charge(self, work: Iterable[tuple[Account, float]]) -> None:
        """Write down what a pass did for each run in it."""
        charged = list(work)
        self._now = max(self._now, min(account.served for account, _ in charged))
        for account, amount in charged:
            account.served += amount
