"""Makes what a network computes for one row independent, to the last bit, of how many rows go through with it.

On a CPU most operators work row by row whatever the batch is: 3 x 3 convolutions, attention, normalisations, matrix
products over many tokens. Two do not, since the libraries choose other kernels for other sizes: products over one
token a row (the embeddings of the timestep: 2 to 3 rows, 4 to 12, 13 to 15 and more differ), and 1 x 1 convolutions
(up to 15 rows and more). The first always get the same number of rows, filled up where there are fewer. The second are
computed as what they are, products over all pixels, which is also faster than cutting them into pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn.functional import linear

LINEAR_ROWS = 16
"""Products of so few tokens take next to no time, so filling up costs less than a second call would."""
FEW_TOKENS = 16
"""With fewer tokens a row, a product is so small that its kernel depends on the number of rows."""

Compute = Callable[[torch.Tensor], torch.Tensor]


def steady(network: Any) -> None:
    """Change a network in place. Values change in the last bits; nothing else does. Doing it again changes nothing."""
    for module in network.modules():
        patched: Any = module  # its forward is replaced
        if "forward" in vars(module):
            continue
        if isinstance(module, torch.nn.Linear):
            patched.forward = partial(_linear, module.forward)
        elif _is_a_product(module):
            patched.forward = partial(_linear, partial(_product, module))


def _is_a_product(module: torch.nn.Module) -> bool:
    """Whether a layer is a 1 x 1 convolution over every pixel."""
    return isinstance(module, torch.nn.Conv2d) and (
        module.kernel_size,
        module.stride,
        module.padding,
        module.groups,
    ) == ((1, 1), (1, 1), (0, 0), 1)


def _product(convolution: Any, given: torch.Tensor) -> torch.Tensor:
    """given: (rows, channels, height, width). The weights are looked up at each call: LoRAs exchange them."""
    pixels = given.permute(0, 2, 3, 1)
    return linear(pixels, convolution.weight.flatten(1), convolution.bias).permute(0, 3, 1, 2)


def _linear(compute: Compute, given: torch.Tensor) -> torch.Tensor:
    channels = given.shape[1] if given.ndim == 4 else given.shape[-1]
    tokens = given[0].numel() // channels
    return compute(given) if tokens >= FEW_TOKENS else _by_rows(compute, LINEAR_ROWS, given)


def _by_rows(compute: Compute, rows: int, given: torch.Tensor) -> torch.Tensor:
    """Compute for so many rows at a time. The last ones are filled up by zeros, which nobody sees."""
    missing = -len(given) % rows
    filled = torch.cat([given, given.new_zeros(missing, *given.shape[1:])]) if missing else given
    if len(filled) == rows:
        return compute(filled)[: len(given)]
    return torch.cat([compute(piece) for piece in torch.split(filled, rows)])[: len(given)]
