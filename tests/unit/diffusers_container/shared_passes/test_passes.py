"""Calls of many runs meet in passes: who is in one, how large it is, and what an error or an end does to the others."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from model_containers.diffusers.shared_passes.passes import SharedPasses
from model_containers.sdk.errors import Cancelled, OutOfMemory
from tests.unit.diffusers_container.shared_passes.toy_network import POISON, AddOne, Runner


def _until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


def _opened(network: AddOne) -> AddOne:
    network.gate.set()
    return network


def _entered(network: AddOne, runner: Runner) -> None:
    """Start a runner, and hold its first pass up."""
    network.gate.clear()
    before = len(network.passes)
    runner.start()
    _until(lambda: len(network.passes) > before)


def _met(passes: SharedPasses, network: AddOne, runners: list[Runner], *, during: Runner) -> None:
    """Start runners while a pass of another one is at work, so that they all wait when it ends."""
    _entered(network, during)
    for runner in runners:
        runner.start()
    _until(lambda: len(passes._waiting()) == len(runners) + 1)
    network.gate.set()
    for runner in (during, *runners):
        runner.ended()


def test_a_run_that_is_alone_is_served_by_itself() -> None:
    network = _opened(AddOne())
    runner = Runner(SharedPasses(16), network, 5.0, steps=3).start().ended()
    assert [float(output[0]) for output in runner.outputs] == [6.0] * 3
    assert network.passes == [[5.0, 5.0]] * 3


def test_calls_that_wait_share_the_next_pass_and_each_gets_its_own_rows() -> None:
    passes, network = SharedPasses(16), _opened(AddOne())
    Runner(passes, network, 0.0).start().ended()
    first = Runner(passes, network, 1.0)
    others = [Runner(passes, network, float(value), rows=rows) for value, rows in ((2, 1), (3, 2), (4, 3))]
    _met(passes, network, others, during=first)
    assert sorted(network.passes[-1]) == [2.0, 3.0, 3.0, 4.0, 4.0, 4.0]
    for runner in others:
        assert torch.equal(runner.outputs[0].flatten(), torch.full((runner.rows,), runner.value + 1))


def test_a_run_joins_those_that_are_under_way_and_leaves_before_they_end() -> None:
    passes = SharedPasses(16)

    class Joining(AddOne):
        def forward(self, calls, most_rows):  # type: ignore[no-untyped-def]
            found = super().forward(calls, most_rows)
            if len(self.passes) == 5:
                joined.start()
                _until(lambda: len(passes._waiting()) == len(calls) + 1)
            return found

    network = _opened(Joining())
    joined = Runner(passes, network, 2.0, steps=3)
    long = Runner(passes, network, 1.0, steps=20).start().ended()
    joined.ended()
    assert len(long.outputs) == 20
    shared = [index for index, rows in enumerate(network.passes) if set(rows) == {1.0, 2.0}]
    assert shared, network.passes
    assert network.passes[-1] == [1.0, 1.0]
    assert len(network.passes) < 23


def test_no_pass_has_more_rows_than_memory_has_room_for() -> None:
    passes, network = SharedPasses(100), _opened(AddOne(limit=5))
    Runner(passes, network, 0.0).start().ended()
    others = [Runner(passes, network, float(value), steps=4) for value in range(2, 9)]
    _met(passes, network, others, during=Runner(passes, network, 1.0))
    assert max(len(rows) for rows in network.passes) == 4
    assert all(len(runner.outputs) == 4 for runner in others)


def test_runs_of_other_sizes_have_passes_of_their_own() -> None:
    passes, network = SharedPasses(16), _opened(AddOne())
    others = [Runner(passes, network, float(value), side=value) for value in (2, 2, 3)]
    _met(passes, network, others, during=Runner(passes, network, 1.0))
    assert sorted(set(map(tuple, map(set, network.passes)))) == [(1.0,), (2.0,), (3.0,)]
    assert all(runner.outputs for runner in others)


def test_a_small_run_is_not_held_up_by_large_ones() -> None:
    passes, network = SharedPasses(4), _opened(AddOne(takes_s=0.005))
    large = [Runner(passes, network, float(value), rows=4, steps=20) for value in range(1, 7)]
    small = Runner(passes, network, 9.0, rows=1, steps=8)
    _met(passes, network, [*large[1:], small], during=large[0])
    last = max(index for index, rows in enumerate(network.passes) if 9.0 in rows)
    # In turns it would be one step in seven passes.
    assert last < 40, f"the small run ended after {last} of {len(network.passes)} passes"


def test_a_large_run_is_not_starved_by_many_small_ones() -> None:
    passes, network = SharedPasses(4), _opened(AddOne(takes_s=0.005))
    small = [Runner(passes, network, float(value), rows=1, steps=40) for value in range(2, 8)]
    large = Runner(passes, network, 9.0, rows=4, steps=4)
    _met(passes, network, [*small, large], during=Runner(passes, network, 1.0))
    last = max(index for index, rows in enumerate(network.passes) if 9.0 in rows)
    assert last < len(network.passes) - 10


def test_an_error_ends_the_run_that_causes_it_alone() -> None:
    passes, network = SharedPasses(16), _opened(AddOne())
    Runner(passes, network, 0.0).start().ended()
    sound = [Runner(passes, network, float(value)) for value in (2, 3)]
    poisoned = Runner(passes, network, POISON)
    _met(passes, network, [*sound, poisoned], during=Runner(passes, network, 1.0))
    assert isinstance(poisoned.error, ValueError)
    assert [float(runner.outputs[0][0]) for runner in sound] == [3.0, 4.0]
    assert Runner(passes, network, 5.0).start().ended().outputs


def test_passes_shrink_when_memory_does_not_suffice_and_nobody_fails() -> None:
    passes, network = SharedPasses(16), _opened(AddOne(fits=4))
    Runner(passes, network, 0.0).start().ended()
    others = [Runner(passes, network, float(value), steps=3) for value in range(2, 8)]
    _met(passes, network, others, during=Runner(passes, network, 1.0))
    assert [len(runner.outputs) for runner in others] == [3] * 6
    assert sum(len(rows) > 4 for rows in network.passes) <= 2, (
        "passes that can't fit are tried again and again"
    )


def test_what_does_not_fit_even_alone_ends_in_out_of_memory() -> None:
    passes, network = SharedPasses(16), _opened(AddOne(fits=1))
    assert isinstance(Runner(passes, network, 1.0).start().ended().error, OutOfMemory)


def test_a_run_that_nobody_wants_any_more_stops_waiting_and_is_not_waited_for() -> None:
    passes, network = SharedPasses(2), _opened(AddOne())
    Runner(passes, network, 0.0).start().ended()

    def unwanted() -> None:
        raise Cancelled

    busy = Runner(passes, network, 1.0, steps=2)
    _entered(network, busy)
    cancelled = Runner(passes, network, 2.0, check=unwanted).start().ended()
    assert isinstance(cancelled.error, Cancelled)
    network.gate.set()
    busy.ended()
    assert len(busy.outputs) == 2
    assert not any(2.0 in rows for rows in network.passes)
