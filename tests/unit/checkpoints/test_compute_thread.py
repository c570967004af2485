"""Networks run on one thread, which alone uses several cores."""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref

import pytest
import torch

from model_containers.checkpoints.compute_thread import ComputeThread

DEADLINE_S = 30.0


def on_another_thread(task: threading.Thread) -> None:
    task.start()
    task.join(DEADLINE_S)
    assert not task.is_alive()


def test_all_tasks_are_done_on_one_thread_whoever_asks() -> None:
    compute, threads = ComputeThread(1), []
    for _ in range(3):
        asks = threading.Thread(target=lambda: threads.append(compute.do(threading.get_ident)))
        on_another_thread(asks)
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_it_alone_computes_with_several_cores() -> None:
    compute = ComputeThread(3)
    assert compute.do(torch.get_num_threads) == 3
    others: list[int] = []
    on_another_thread(threading.Thread(target=lambda: others.append(torch.get_num_threads())))
    assert [*others, torch.get_num_threads()] == [1, 1]
    assert compute.do(torch.get_num_threads) == 3


def test_who_asks_hears_what_went_wrong_and_the_thread_goes_on() -> None:
    compute = ComputeThread(1)
    with pytest.raises(ZeroDivisionError):
        compute.do(lambda: 1 // 0)
    assert compute.do(lambda: 7) == 7


def test_it_keeps_nothing_of_a_task_that_failed() -> None:
    compute, held = ComputeThread(1), []

    def fail() -> None:
        large = torch.zeros(3)
        held.append(weakref.ref(large))
        raise ValueError

    gc.disable()
    try:
        with contextlib.suppress(ValueError):
            compute.do(fail)
        compute.do(lambda: None)
        assert held[0]() is None
    finally:
        gc.enable()


def test_a_task_may_ask_for_another() -> None:
    compute = ComputeThread(1)
    assert compute.do(lambda: compute.do(lambda: compute.do(lambda: "inside"))) == "inside"


@pytest.mark.parametrize("inferring", [True, False])
def test_the_inference_mode_of_who_asks_holds(inferring: bool) -> None:
    compute = ComputeThread(1)
    with torch.inference_mode(inferring):
        assert compute.do(torch.is_inference_mode_enabled) is inferring


def test_it_keeps_nothing_of_a_task_that_is_done() -> None:
    compute = ComputeThread(1)
    made = compute.do(lambda: torch.zeros(3))
    gone = weakref.ref(made)
    del made
    compute.do(lambda: None)
    assert gone() is None
