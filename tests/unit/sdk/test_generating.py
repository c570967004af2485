"""The ways to write `generate`: a method, a generator, an async generator. A caller can't tell them apart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from typing import Any

import pytest
from pydantic import BaseModel, Field

from model_containers.sdk import (
    InvalidInput,
    Log,
    Manifest,
    Metric,
    Model,
    Output,
    Part,
    Preview,
    Progress,
    Result,
    Run,
)
from model_containers.workbench import RunFailed, run_model

DETAILS = {"lines": 2}


class Input(BaseModel):
    """What the models here take."""

    fail: bool = False
    seconds: float = Field(0.0, ge=0)


def parts(input: Input) -> Iterator[Part]:
    yield Log("begun")
    yield Progress(1, 2, "lines")
    yield Output("a.txt", "text/plain", b"one ", DETAILS, last=False)
    yield Preview("text/plain", b"one")
    if input.fail:
        raise InvalidInput("fail", "as asked for")
    yield Output("a.txt", "text/plain", b"two")
    yield Metric("words", 2.0)


class ByMethod(Model):
    manifest = Manifest(id="m", task="t", input=Input)

    def generate(self, input: Input, run: Run) -> Result:
        run.log("begun")
        run.progress(1, 2, "lines")
        with run.output("a.txt", "text/plain", DETAILS) as file:
            file.write(b"one ")
            run.preview("text/plain", b"one")
            if input.fail:
                raise InvalidInput("fail", "as asked for")
            file.write(b"two")
        run.metric("words", 2.0)
        return Result(seed=7, result={"ok": True})


class Threads(Model):
    """Tells whether it is run where it was set up."""

    manifest = Manifest(id="threads", task="t", input=Input)

    def setup(self) -> None:
        self._set_up_on = threading.get_ident()

    def generate(self, input: Input, run: Run) -> Result:
        return Result(result={"same": threading.get_ident() == self._set_up_on})


class ByYields(Model):
    manifest = Manifest(id="m", task="t", input=Input)

    def generate(self, input: Input, run: Run) -> Iterator[Part]:
        yield from parts(input)
        yield Result(seed=7, result={"ok": True})


class ByReturn(Model):
    manifest = Manifest(id="m", task="t", input=Input)

    def generate(self, input: Input, run: Run) -> Generator[Part, None, Result]:
        yield from parts(input)
        return Result(seed=7, result={"ok": True})


class OnTheLoop(Model):
    manifest = Manifest(id="m", task="t", input=Input)

    async def generate(self, input: Input, run: Run) -> AsyncIterator[Part]:
        for part in parts(input):
            yield part
        yield Result(seed=7, result={"ok": True})


WAYS: Sequence[type[Model]] = (ByMethod, ByYields, ByReturn, OnTheLoop)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_reports_writes_and_returns_the_same(way: type[Model]) -> None:
    outcome = run_model(way(), {})
    assert outcome.outputs["a.txt"].data == b"one two"
    assert outcome.outputs["a.txt"].details == DETAILS
    assert (outcome.logs, outcome.progress) == (["begun"], [(1, 2, "lines")])
    assert (outcome.previews, outcome.metrics) == (1, {"words": 2.0})
    assert (outcome.seed, outcome.result) == (7, {"ok": True})


@pytest.mark.parametrize("way", WAYS)
def test_what_is_raised_in_the_middle_keeps_its_class(way: type[Model]) -> None:
    with pytest.raises(RunFailed) as failure:
        run_model(way(), {"fail": True})
    assert (failure.value.error_class, failure.value.field) == ("invalid_input", "fail")


class Endless(Model):
    """Yields for ever; tells when it was closed."""

    manifest = Manifest(id="m", task="t", input=Input)

    def __init__(self) -> None:
        self.closed = threading.Event()

    def generate(self, input: Input, run: Run) -> Iterator[Part]:
        try:
            number = 0
            while True:
                number += 1
                yield Progress(number, 1 << 40)
        finally:
            self.closed.set()


class EndlessOnTheLoop(Endless):
    async def generate(self, input: Input, run: Run) -> AsyncIterator[Part]:  # type: ignore[override]  # not what the parent is
        try:
            for number in range(1 << 40):
                await asyncio.sleep(0.01)
                yield Progress(number, 1 << 40)
        finally:
            self.closed.set()


@pytest.mark.parametrize("kind", [Endless, EndlessOnTheLoop])
def test_a_generator_is_closed_at_its_next_yield_when_its_time_is_over(kind: type[Endless]) -> None:
    model = kind()
    with pytest.raises(RunFailed, match="deadline"):
        run_model(model, {}, deadline_s=0.3)
    assert model.closed.wait(10)


class Unencodable(Model):
    manifest = Manifest(id="m", task="t", input=Input)

    def generate(self, input: Any, run: Run) -> Result:
        return Result(result={"object": object()})


def test_a_result_that_is_no_json_is_the_models_error() -> None:
    with pytest.raises(RunFailed, match="model_error"):
        run_model(Unencodable(), {})


def test_a_model_is_run_on_the_thread_that_set_it_up() -> None:
    assert run_model(Threads(), {}).result == {"same": True}
