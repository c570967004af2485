"""The finished latents as a sampler's model sees them at a step: what a preview shows.

The formulas are those of the parametrisations: with the noise schedule's cumulative product a at a timestep,
x = sqrt(a) x0 + sqrt(1 - a) e for networks that predict e (Ho et al. 2020) and v = sqrt(a) e - sqrt(1 - a) x0
for those that predict v (Salimans and Ho 2022); flow matching has x = (1 - s) x0 + s e and predicts e - x0.
"""

from __future__ import annotations

import functools
from typing import Any

import torch


class Watched:
    """Keeps the arguments of a scheduler's latest step, so that an estimate can be made when one is wanted.

    Keeping references costs nothing; the estimate itself costs a few operations on the latents.
    """

    def __init__(self, scheduler: Any) -> None:
        """Wrap `scheduler.step` in place; the scheduler must belong to this run alone."""
        self._scheduler = scheduler
        self._latest: tuple[torch.Tensor, Any, torch.Tensor] | None = None
        step = scheduler.step

        @functools.wraps(step)
        def watched_step(
            output: torch.Tensor, timestep: Any, sample: torch.Tensor, *rest: Any, **more: Any
        ) -> Any:
            self._latest = (output, timestep, sample)
            return step(output, timestep, sample, *rest, **more)

        scheduler.step = watched_step

    def estimate(self) -> torch.Tensor | None:
        """The finished latents as of the latest step, in the shape of the sample; None before the first step."""
        if self._latest is None:
            return None
        output, timestep, sample = (torch.as_tensor(part).detach().cpu().float() for part in self._latest)
        if not hasattr(self._scheduler, "alphas_cumprod"):
            share = timestep / int(self._scheduler.config.num_train_timesteps)
            return sample - share * output
        kept = self._kept(timestep)
        if self._scales_sigmas():
            sample = sample * kept.sqrt()
        kind = self._scheduler.config.prediction_type
        if kind == "sample":
            return output
        if kind == "v_prediction":
            return kept.sqrt() * sample - (1 - kept).sqrt() * output
        return (sample - (1 - kept).sqrt() * output) / kept.sqrt()

    def _kept(self, timestep: torch.Tensor) -> torch.Tensor:
        """The cumulative product at the training step that is nearest to a timestep."""
        products = torch.as_tensor(self._scheduler.alphas_cumprod).cpu().float()
        return products[int(timestep.clamp(0, len(products) - 1).round())]

    def _scales_sigmas(self) -> bool:
        """Whether samples are x0 + sigma e (Karras et al. 2022), which start far above unit variance."""
        return float(self._scheduler.init_noise_sigma) > 1.0
