"""Running out of memory is known from other errors, by errors that really happened."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from model_containers.diffusers.memory import is_out_of_memory, release

TOO_MANY = 1 << 44


def _raised(size: int) -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(size)
    return caught.value


def test_an_allocation_of_terabytes_is_out_of_memory() -> None:
    assert is_out_of_memory(_raised(TOO_MANY))


def test_so_is_python_s_own() -> None:
    with pytest.raises(MemoryError) as caught:
        bytearray(1 << 60)
    assert is_out_of_memory(caught.value)


def test_so_is_the_gpu_s() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"))


def test_so_is_an_error_that_was_raised_from_one() -> None:
    error = ValueError("the pipeline failed")
    error.__cause__ = _raised(TOO_MANY)
    assert is_out_of_memory(error)


def test_other_errors_are_not() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.ones(2, 3) @ torch.ones(2, 3)
    assert not is_out_of_memory(caught.value)
    assert not is_out_of_memory(ValueError("out of range"))


def test_release_frees_what_only_a_cycle_holds() -> None:
    class Holder:
        me: object

    gc.disable()
    try:
        holder = Holder()
        holder.me = holder
        seen = weakref.ref(holder)
        del holder
        assert seen() is not None
        release()
        assert seen() is None
    finally:
        gc.enable()
