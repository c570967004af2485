"""Tells running out of memory from every other error, and gives memory back afterwards."""

from __future__ import annotations

import gc

import torch

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
    """Give back what a failed run held, so that the next one finds it free."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def peak_bytes() -> int | None:
    """The most GPU memory that tensors took since `forget_peak`, in bytes; None without a GPU."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def forget_peak() -> None:
    """Start to measure `peak_bytes` anew."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
