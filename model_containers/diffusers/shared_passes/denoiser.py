"""A UNet that many runs share: one forward pass for the rows of several calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from model_containers.diffusers.memory import is_out_of_memory, release
from model_containers.diffusers.shared_passes.call import Call, Member
from model_containers.diffusers.shared_passes.live_bytes import peak_of
from model_containers.diffusers.shared_passes.passes import FEWEST_ROWS, SharedPasses
from model_containers.diffusers.shared_passes.steady import steady
from model_containers.sdk.errors import OutOfMemory

MEMORY_SHARE = 0.5
"""Of the memory that is free, what passes may take; the rest is for decoding, and for what others do."""
WORKSPACE = 1.5
"""Kernels take memory that no tensor shows, for reordered inputs and the like: so much more is reckoned with."""
_serials = itertools.count()
ADDED = ("text_embeds", "time_ids")
"""Conditions that SDXL's network takes in a mapping of their own."""


class SharedUNet:
    """A diffusers `UNet2DConditionModel`, as the network of shared passes."""

    def __init__(
        self, unet: Any, free_bytes: Callable[[], int], weights: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        """free_bytes: how much memory is free on the network's device now. Makes the network steady (see `steady`).

        weights: by name, in place of the network's own.
        """
        steady(unet)
        self.unet = unet
        self.serial = next(_serials)
        self._free_bytes = free_bytes
        self._weights = dict(weights or {})

    def changed(self, weights: Mapping[str, torch.Tensor]) -> SharedUNet:
        """The same network with other weights in some places: its calls share passes among themselves alone."""
        return SharedUNet(self.unet, self._free_bytes, weights)

    def forward(self, calls: Sequence[Call], most_rows: int) -> list[torch.Tensor]:
        """The outputs of calls with one key; more rows than `most_rows` go through in several pieces."""
        sample = _joined([call.sample for call in calls])
        timesteps = _joined([call.timesteps for call in calls])
        conditions = {
            name: _joined([call.conditions[name] for call in calls]) for name in calls[0].conditions
        }
        outputs = []
        for start in range(0, len(sample), most_rows):
            piece = slice(start, start + most_rows)
            given = {name: part[piece] for name, part in conditions.items()}
            outputs.append(self._guarded(sample[piece], timesteps[piece], given))
        return list(torch.split(_joined(outputs), [call.rows for call in calls]))

    def most_rows(self, call: Call, wanted: int) -> int:
        """How many rows fit, found by a pass of two rows whose tensors are counted."""
        parts = [part[:1].expand(FEWEST_ROWS, *part.shape[1:]) for part in call.conditions.values()]
        sample = call.sample[:1].expand(FEWEST_ROWS, *call.sample.shape[1:])
        times = call.timesteps[:1].expand(FEWEST_ROWS)
        given = dict(zip(call.conditions, parts, strict=True))
        row_bytes = peak_of(lambda: self._guarded(sample, times, given)) / FEWEST_ROWS * WORKSPACE
        return max(FEWEST_ROWS, min(wanted, int(self._free_bytes() * MEMORY_SHARE / row_bytes)))

    def _guarded(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        try:
            return self._forward(sample, timesteps, conditions)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error)
        # Only here, where the error and with it the frames that hold tensors are gone, is there something to release.
        release()
        raise OutOfMemory(reason)

    def _forward(
        self, sample: torch.Tensor, timesteps: torch.Tensor, conditions: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """One pass. A single row goes through twice: a pass of one row differs in its last bits from all others."""
        rows = len(sample)
        if rows < FEWEST_ROWS:
            sample, timesteps = _twice(sample), _twice(timesteps)
            conditions = {name: _twice(part) for name, part in conditions.items()}
        added = {name: conditions[name] for name in ADDED if name in conditions}
        options = {
            "encoder_hidden_states": conditions["encoder_hidden_states"],
            "added_cond_kwargs": added or None,
            "return_dict": False,
        }
        if (
            self._weights
        ):  # passes take turns, so nobody else uses the network while its weights are exchanged
            found = torch.func.functional_call(self.unet, self._weights, (sample, timesteps), options)[0]
        else:
            found = self.unet(sample, timesteps, **options)[0]
        return torch.as_tensor(found)[:rows]


class Denoiser:
    """What a run's pipeline has in place of its UNet: it looks the same, and its calls are shared."""

    def __init__(self, network: SharedUNet, passes: SharedPasses, member: Member) -> None:
        self._network = network
        self._passes = passes
        self._member = member

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network.unet, name)

    def __call__(
        self,
        sample: torch.Tensor,
        timestep: Any,
        encoder_hidden_states: torch.Tensor,
        added_cond_kwargs: Mapping[str, torch.Tensor] | None = None,
        **others: Any,
    ) -> tuple[torch.Tensor]:
        """As `UNet2DConditionModel.forward` with `return_dict=False`. Raises ValueError for what it cannot share."""
        for name, value in others.items():
            if value is not None and name != "return_dict":
                raise ValueError(f"a denoiser that is shared takes no {name}")
        # Latents that a VAE encoded lie in another order in memory, for which kernels round otherwise; and which order
        # a pass has would depend on who is in it.
        sample = sample.contiguous()
        times = torch.as_tensor(timestep, dtype=torch.float32, device=sample.device).reshape(-1)
        conditions = {"encoder_hidden_states": encoder_hidden_states, **(added_cond_kwargs or {})}
        call = Call(self._member, self._network, sample, times.expand(len(sample)), conditions)
        return (self._passes.serve(call),)


def _joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _twice(part: torch.Tensor) -> torch.Tensor:
    return torch.cat([part, part])
