"""What every stage of training has: a budget of minutes, its learning rate, and state to resume from."""

import logging
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

log = logging.getLogger(__name__)

WARM_UP_STEPS = 100
FINAL_RATE = 0.02
REPORT_S = 30.0
SAVE_S = 180.0
LONGEST_STEP_S = 5.0
"""What a step counts for at most: a process that was suspended, or whose machine slept, has not trained meanwhile."""


@dataclass(frozen=True)
class Plan:
    """How long a stage trains, on how many examples a step, how fast, and where it keeps its state.

    steps: how many it takes whatever the clock says; None: as many as the minutes allow.
    """

    minutes: float
    batch: int
    peak_rate: float
    device: str
    seed: int
    state: Path
    steps: int | None = None


class Stage:
    """One network's training: steps until the minutes are spent, saved every three minutes.

    The learning rate follows the clock, not the number of steps, so the same command makes the most of a
    slow and of a fast machine.
    """

    def __init__(self, plan: Plan, modules: dict[str, torch.nn.Module], trained: list[str]) -> None:
        self.plan = plan
        self.step = 0
        self._modules = modules
        weights = [weight for name in trained for weight in modules[name].parameters()]
        self._weights = weights
        self._optimizer = torch.optim.AdamW(weights, lr=plan.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
        self._spent_s = 0.0
        self._tick = time.monotonic()
        self._reported = self._saved = self._loss_sum = 0.0
        self._loss_count = 0
        if plan.state.exists():
            self._resume()

    @property
    def progress(self) -> float:
        """Return the share of the steps, or of the minutes, that is spent, 0 to 1."""
        if self.plan.steps is not None:
            return min(1.0, self.step / self.plan.steps)
        return min(1.0, self._spent_s / (60.0 * self.plan.minutes))

    def take_step(self, loss: torch.Tensor) -> None:
        """Descend along the gradient of a scalar loss; report and save when it is time to."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        self._optimizer.step()
        self.step += 1
        self._loss_sum += float(loss.detach())
        self._loss_count += 1
        now = time.monotonic()
        self._spent_s += min(now - self._tick, LONGEST_STEP_S)
        self._tick = now
        self._report_and_save()

    def save(self) -> None:
        """Write the state whole or not at all."""
        state: dict[str, Any] = {name: module.state_dict() for name, module in self._modules.items()}
        state |= {"optimizer": self._optimizer.state_dict(), "step": self.step, "spent_s": self._spent_s}
        draft = self.plan.state.with_suffix(".draft")
        torch.save(state, draft)
        os.replace(draft, self.plan.state)
        self._saved = self._spent_s

    def _resume(self) -> None:
        state = torch.load(self.plan.state, map_location=self.plan.device, weights_only=True)
        for name, module in self._modules.items():
            module.load_state_dict(state[name])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self._spent_s = state["step"], state["spent_s"]
        self._saved = self._reported = self._spent_s
        log.info("resumed %s at step %d, %.1f min", self.plan.state.name, self.step, self._spent_s / 60)

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        cosine = 0.5 * (1.0 + math.cos(math.pi * self.progress))
        return self.plan.peak_rate * warm * (FINAL_RATE + (1.0 - FINAL_RATE) * cosine)

    def _report_and_save(self) -> None:
        if self._spent_s - self._reported > REPORT_S:
            mean = self._loss_sum / self._loss_count
            minutes = self._spent_s / 60
            log.info("%s step %d, %.1f min, loss %.5f", self.plan.state.stem, self.step, minutes, mean)
            self._reported, self._loss_sum, self._loss_count = self._spent_s, 0.0, 0
        if self._spent_s - self._saved > SAVE_S:
            self.save()
