"""Makes what a network computes for one row independent, to the last bit, of how many rows go through with it.

On a CPU most operators work row by row whatever the batch is: 3 x 3 convolutions, attention, normalisations, matrix
products over many tokens. Two do not, since the libraries choose other kernels for other sizes: products over one
token a row (the embeddings of the timestep: 2 to 3 rows, 4 to 12, 13 to 15 and more differ), and 1 x 1 convolutions
(up to 15 rows and more). These always get the same number of rows, filled up where there are fewer. They are a
small part of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

LINEAR_ROWS = 4
FEW_TOKENS = 16
"""With fewer tokens a row, a product is so small that its kernel depends on the number of rows."""
CONVOLUTION_ROWS = 2

Compute = Callable[[torch.Tensor], torch.Tensor]


def steady(network: Any) -> None:
    """Change a network in place. Values change in the last bits; nothing else does. Doing it again changes nothing."""
    for module in network.modules():
        patched: Any = module  # its forward is replaced
        if "forward" in vars(module):
            continue
        if isinstance(module, torch.nn.Linear):
            patched.forward = partial(_linear, module.forward)
        elif isinstance(module, torch.nn.Conv2d) and module.kernel_size == (1, 1):
            patched.forward = partial(_by_rows, module.forward, CONVOLUTION_ROWS)


def _linear(compute: Compute, given: torch.Tensor) -> torch.Tensor:
    tokens = given[0].numel() // given.shape[-1]
    return compute(given) if tokens >= FEW_TOKENS else _by_rows(compute, LINEAR_ROWS, given)


def _by_rows(compute: Compute, rows: int, given: torch.Tensor) -> torch.Tensor:
    """Compute for so many rows at a time. The last ones are filled up by zeros, which nobody sees."""
    missing = -len(given) % rows
    filled = torch.cat([given, given.new_zeros(missing, *given.shape[1:])]) if missing else given
    if len(filled) == rows:
        return compute(filled)[: len(given)]
    return torch.cat([compute(piece) for piece in torch.split(filled, rows)])[: len(given)]
