"""What a layer computes for a row does not depend on the other rows."""

from __future__ import annotations

import pytest
import torch

from model_containers.diffusers.shared_passes.steady import steady

ROWS = (2, 3, 4, 5, 7, 8, 12, 14, 16, 24)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (torch.nn.Linear(192, 192), (192,)),
        (torch.nn.Linear(96, 96), (1, 96)),
        (torch.nn.Linear(96, 96), (64, 96)),
        (torch.nn.Conv2d(96, 48, 1), (96, 16, 16)),
        (torch.nn.Conv2d(48, 48, 3, padding=1), (48, 16, 16)),
    ],
    ids=["embedding", "one token", "many tokens", "convolution 1 x 1", "convolution 3 x 3"],
)
def test_a_row_is_the_same_whatever_the_number_of_rows(
    layer: torch.nn.Module, shape: tuple[int, ...]
) -> None:
    steady(layer)
    steady(layer)
    given = torch.randn(24, *shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        pairs = torch.cat([layer(given[at : at + 2]) for at in range(0, 24, 2)])
        for rows in ROWS:
            assert torch.equal(layer(given[:rows]), pairs[:rows]), rows


def test_a_steady_layer_computes_what_it_did_before() -> None:
    layer, given = torch.nn.Linear(8, 3), torch.randn(5, 8)
    before = layer(given)
    steady(layer)
    assert torch.allclose(layer(given), before, atol=1e-6)
