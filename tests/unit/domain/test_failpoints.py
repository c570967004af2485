"""Failpoints: nothing happens unless a setting names the place."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from evoke.domain.errors import InvalidInput
from evoke.failpoints import Failpoints, InjectedFault

PASS_THREE_TIMES = """
from evoke.failpoints import Failpoints
failpoints = Failpoints({specification!r})
for passage in range(1, 4):
    failpoints.reach("place")
    print(passage, flush=True)
"""


def run(specification: str) -> subprocess.CompletedProcess[str]:
    program = PASS_THREE_TIMES.format(specification=specification)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("specification", ["", " , ", "elsewhere=kill", "elsewhere=raise,there=sleep:5"])
def test_a_place_that_is_not_named_is_passed(specification: str) -> None:
    failpoints = Failpoints(specification)
    for _ in range(3):
        failpoints.reach("place")


def test_the_first_passage_fails_when_no_other_is_named() -> None:
    with pytest.raises(InjectedFault, match="place"):
        Failpoints("place=raise").reach("place")


def test_only_the_passage_that_is_named_fails() -> None:
    failpoints = Failpoints("other=raise, place=raise:3")
    failpoints.reach("place")
    failpoints.reach("place")
    with pytest.raises(InjectedFault):
        failpoints.reach("place")
    failpoints.reach("place")


def test_places_are_counted_apart() -> None:
    failpoints = Failpoints("a=raise:2,b=raise:2")
    failpoints.reach("a")
    failpoints.reach("b")
    with pytest.raises(InjectedFault, match="a"):
        failpoints.reach("a")


@pytest.mark.parametrize(("specification", "lived"), [("place=kill", ""), ("place=kill:3", "1\n2\n")])
def test_a_process_kills_itself_at_the_passage_that_is_named(specification: str, lived: str) -> None:
    process = run(specification)
    assert process.returncode == -signal.SIGKILL
    assert process.stdout == lived


def test_a_process_sleeps_and_goes_on() -> None:
    process = run("place=sleep:0.01")
    assert (process.returncode, process.stdout) == (0, "1\n2\n3\n")


@pytest.mark.parametrize("specification", ["place", "place=", "place=explode", "place=kill,other=no"])
def test_an_unknown_action_is_refused(specification: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Failpoints(specification)
    assert raised.value.field == "EVOKE_FAILPOINTS"
