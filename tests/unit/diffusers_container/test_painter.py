"""Previews are painted beside the runs, and never take much of the time."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from model_containers.diffusers.painter import SHARE, Painter

DEADLINE_S = 30.0


class Hand:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(painted: Future[None] | None) -> None:
    assert painted is not None
    painted.result(DEADLINE_S)


def test_painting_holds_up_nobody() -> None:
    painter, go = Painter(), threading.Event()
    painted = painter.offer(lambda: taken_by(go))
    assert painted is not None
    assert not painted.done()
    go.set()
    painted.result(DEADLINE_S)


def taken_by(go: threading.Event) -> None:
    go.wait(DEADLINE_S)


def test_what_is_offered_while_one_is_painted_is_lost() -> None:
    painter, go = Painter(), threading.Event()
    painted = painter.offer(lambda: taken_by(go))
    assert painter.offer(lambda: None) is None
    go.set()
    taken(painted)


def test_the_painter_rests_until_its_work_was_its_share_of_the_time() -> None:
    clock = Hand()
    painter = Painter(clock)

    def paint() -> None:
        clock.now += 1.0

    taken(painter.offer(paint))
    clock.now = 1 / SHARE - 0.1
    assert painter.offer(paint) is None
    clock.now = 1 / SHARE + 0.1
    taken(painter.offer(paint))


def test_a_preview_that_can_not_be_made_is_no_end_of_previews() -> None:
    clock = Hand()
    painter = Painter(clock)

    def fail() -> None:
        raise ValueError("no colours")

    taken(painter.offer(fail))
    clock.now += 1.0
    taken(painter.offer(lambda: None))
