"""Tells running out of memory from every other error, and gives memory back afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterable
from pathlib import Path

import torch

_CGROUP = Path("/sys/fs/cgroup")

# Allocators of the CPU and some CUDA libraries raise a plain RuntimeError; these are the texts of theirs.
_TEXTS = (
    "DefaultCPUAllocator",
    "not enough memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "Storage size calculation overflowed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, says that memory did not suffice."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError | torch.OutOfMemoryError):
            return True
        if isinstance(seen, RuntimeError) and any(text in str(seen) for text in _TEXTS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def release() -> None:
    """Give back what a failed run or an unloaded checkpoint held, so that the next one finds it free."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    with contextlib.suppress(OSError, AttributeError):  # C libraries other than glibc have no such function
        ctypes.CDLL(None).malloc_trim(0)


def bytes_of(networks: Iterable[torch.nn.Module]) -> int:
    """What networks hold: the bytes of the storages behind their parameters and buffers, each counted once."""
    storages = {
        storage.data_ptr(): storage.nbytes()
        for network in networks
        for tensor in (*network.parameters(), *network.buffers())
        for storage in (tensor.untyped_storage(),)
    }
    return sum(storages.values())


def free_bytes(device: str) -> int:
    """Bytes that tensors on a device may still take.

    Of a GPU, what nobody holds and what torch keeps for reuse; of the CPU, what the machine has and, in a container,
    what its memory limit leaves.
    """
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + kept)
    return min(_machine_bytes(), _cgroup_bytes())


def _machine_bytes() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return sys.maxsize


def _cgroup_bytes() -> int:
    """What the memory limit of a cgroup (version 2, as containers see their own) leaves."""
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
    except OSError:
        return sys.maxsize
    return sys.maxsize if limit == "max" else max(0, int(limit) - used)


def peak_bytes() -> int | None:
    """The most GPU memory that tensors took since `forget_peak`, in bytes; None without a GPU."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def forget_peak() -> None:
    """Start to measure `peak_bytes` anew."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
