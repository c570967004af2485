"""Counts the memory of the tensors that a computation makes, on whatever device it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.multiprocessing import reductions
from torch.utils import _python_dispatch
from torch.utils._pytree import tree_leaves

_WeakStorage: Any = reductions.StorageWeakRef
_DispatchMode: Any = _python_dispatch.TorchDispatchMode


def peak_of(compute: Callable[[], object]) -> int:
    """The most bytes that tensors made by `compute` held at one time, its result among them; at least 1.

    Tensors that were there before do not count. Slows the computation down some two times.
    """
    with _Counting() as counting:
        compute()
    return max(1, int(counting.peak))


class _Counting(_DispatchMode):  # type: ignore[misc]  # torch tells no types of it
    """Looks at what every operator returns. A storage counts from the operator that made it until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, tuple[Any, int]] = {}

    def __torch_dispatch__(
        self,
        function: Any,
        types: Any,
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        given = {storage.cdata for storage in _storages((arguments, options))}
        made = function(*arguments, **(options or {}))
        self._alive = {key: entry for key, entry in self._alive.items() if not entry[0].expired()}
        for tensor in _tensors(made):
            storage = _WeakStorage(tensor.untyped_storage())
            if storage.cdata not in given:
                self._alive[storage.cdata] = (storage, tensor.untyped_storage().nbytes())
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return made


def _tensors(values: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def _storages(values: Any) -> list[Any]:
    return [_WeakStorage(tensor.untyped_storage()) for tensor in _tensors(values)]
