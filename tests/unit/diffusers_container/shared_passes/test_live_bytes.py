"""Memory of a computation is counted, not guessed."""

from __future__ import annotations

import torch

from model_containers.diffusers.shared_passes.live_bytes import peak_of

MB = 1 << 20


def _megabytes(count: float) -> torch.Tensor:
    return torch.ones(int(count * MB) // 4)


def test_what_is_alive_at_the_same_time_is_added_up() -> None:
    assert peak_of(lambda: [_megabytes(1), _megabytes(2)]) == 3 * MB


def test_what_was_freed_does_not_count() -> None:
    def one_after_the_other() -> None:
        for _ in range(5):
            _megabytes(2)

    assert peak_of(one_after_the_other) == 2 * MB


def test_what_was_there_before_and_views_of_it_do_not_count() -> None:
    before = _megabytes(4)
    assert peak_of(lambda: before.reshape(2, -1).t().add_(1)) == 1


def test_more_rows_take_more() -> None:
    layer = torch.nn.Conv2d(4, 16, 3, padding=1)

    def peak(rows: int) -> int:
        with torch.inference_mode():
            return peak_of(lambda: layer(torch.zeros(rows, 4, 32, 32)))

    assert peak(8) == 4 * peak(2)
