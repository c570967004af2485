"""Averages of a network's weights over its last steps: they draw better than the weights of any one step."""

import copy

import torch

DECAY = 0.999


class Averages:
    """A copy of a network whose weights follow the original's slowly (an exponential moving average)."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.module = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self, network: torch.nn.Module, step: int) -> None:
        """Move towards the network's weights, faster in the first steps, which are soon worth nothing."""
        share = 1.0 - min(DECAY, (1 + step) / (10 + step))
        averaged = list[torch.Tensor](self.module.parameters())
        torch._foreach_lerp_(averaged, list[torch.Tensor](network.parameters()), share)

    def copy_to(self, network: torch.nn.Module) -> None:
        """Give the network the averaged weights."""
        network.load_state_dict(self.module.state_dict())
