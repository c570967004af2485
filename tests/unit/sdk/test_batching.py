"""Jobs that come together are served together, and each keeps its own end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Hashable, Sequence

import pytest
from pydantic import BaseModel

from model_containers.sdk import BatchModel, BatchRun, InvalidInput, Manifest, OutOfMemory, Result
from model_containers.workbench import Outcome, RunFailed, run_model, run_together
from model_containers.workbench.connection import Request
from model_containers.workbench.in_process import serving_model
from model_containers.workbench.outcome import outcome_of
from model_containers.workbench.running import run_request


class Word(BaseModel):
    """What the models here take."""

    text: str
    size: int = 1


End = Result | Exception | None


class Upper(BatchModel):
    """Turns words to capitals, and notes its batches."""

    manifest = Manifest(id="upper", task="test", input=Word)
    max_batch = 4
    batch_wait_s = 0.5

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def batch_key(self, input: Word) -> Hashable:
        return input.size

    def generate_batch(self, inputs: Sequence[Word], runs: Sequence[BatchRun]) -> Sequence[End]:
        self.batches.append([word.text for word in inputs])
        return [self.serve(word, run) for word, run in zip(inputs, runs, strict=True)]

    def serve(self, word: Word, run: BatchRun) -> End:
        run.progress(1, 1)
        run.write_output("word.txt", "text/plain", word.text.upper().encode())
        return Result(result={"length": len(word.text)})


def words(*texts: str) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


def told(ends: Sequence[Outcome | RunFailed]) -> list[str]:
    return [
        end.error_class if isinstance(end, RunFailed) else end.outputs["word.txt"].data.decode()
        for end in ends
    ]


def test_inputs_that_come_together_are_served_together_each_with_its_own_output() -> None:
    model = Upper()
    assert told(run_together(model, words("a", "b", "c", "d"))) == ["A", "B", "C", "D"]
    assert [sorted(batch) for batch in model.batches] == [["a", "b", "c", "d"]]


def test_no_batch_is_larger_than_declared() -> None:
    model = Upper()
    assert len(run_together(model, words(*"abcdefghij"))) == 10
    assert max(len(batch) for batch in model.batches) == 4
    assert sum(len(batch) for batch in model.batches) == 10


def test_a_run_tells_how_many_were_in_its_batch() -> None:
    ends = run_together(Upper(), words("a", "b", "c"))
    assert [end.metrics for end in ends if isinstance(end, Outcome)] == [{"batch_size": 3}] * 3


def test_a_lone_input_is_served_after_its_wait() -> None:
    assert told([run_model(Upper(), {"text": "x"})]) == ["X"]


def test_inputs_of_another_kind_are_not_mixed_into_a_batch() -> None:
    model = Upper()
    run_together(model, [{"text": "a", "size": 1}, {"text": "b", "size": 2}, {"text": "c", "size": 1}])
    assert sorted(sorted(batch) for batch in model.batches) == [["a", "c"], ["b"]]


def test_a_container_that_batches_takes_a_batch_at_once() -> None:
    assert Upper().capacity == 4
    assert Upper().manifest.max_concurrency == 1


class Choosy(Upper):
    """Fails words in the way that they say."""

    def serve(self, word: Word, run: BatchRun) -> End:
        match word.text:
            case "returned":
                return InvalidInput("text", "is not to my taste")
            case "told":
                run.fail(OutOfMemory("no room"))
                run.progress(1, 1)
                return None
            case "nothing":
                run.write_output("word.txt", "text/plain", b"")
                return None
        return super().serve(word, run)


def test_an_input_fails_by_itself() -> None:
    model = Choosy()
    ends = told(run_together(model, words("a", "returned", "told", "nothing")))
    assert ends == ["A", "invalid_input", "out_of_memory", ""]
    assert len(model.batches) == 1


class Fragile(Upper):
    """Falls over the word `bad`, and takes its batch with it."""

    def generate_batch(self, inputs: Sequence[Word], runs: Sequence[BatchRun]) -> Sequence[End]:
        if any(word.text == "bad" for word in inputs):
            self.batches.append([word.text for word in inputs])
            raise RuntimeError("fell over")
        return super().generate_batch(inputs, runs)


def test_an_input_that_breaks_its_batch_fails_alone() -> None:
    model = Fragile()
    assert told(run_together(model, words("a", "bad", "c", "d"))) == ["A", "model_error", "C", "D"]
    assert [len(batch) for batch in model.batches] == [4, 1, 1, 1, 1]


class Forgetful(Upper):
    """Returns too few ends."""

    def generate_batch(self, inputs: Sequence[Word], runs: Sequence[BatchRun]) -> Sequence[End]:
        return list(super().generate_batch(inputs, runs))[1:]


def test_a_batch_with_an_end_too_few_is_the_models_error_for_all_that_wrote() -> None:
    ends = run_together(Forgetful(), words("a", "b"))
    assert all(
        (isinstance(end, RunFailed) and "0 ends for 1" in str(end)) or "1 ends for 2" in str(end)
        for end in ends
    )


class Slow(Upper):
    """Works until every run is over or a moment has passed, and notes who was over."""

    def __init__(self) -> None:
        super().__init__()
        self.over: list[bool] = []

    def generate_batch(self, inputs: Sequence[Word], runs: Sequence[BatchRun]) -> Sequence[End]:
        end = time.monotonic() + 10
        while not any(run.over for run in runs) and time.monotonic() < end:
            for run in runs:
                run.progress(1, 2)
            time.sleep(0.01)
        self.over = [run.over for run in runs]
        return super().generate_batch(inputs, runs)


def test_a_run_whose_time_is_over_ends_so_and_its_neighbours_go_on() -> None:
    model = Slow()
    assert told(run_together(model, words("a", "b"), deadlines_s=[0.8, 60.0])) == ["deadline", "B"]
    assert sorted(model.over) == [False, True]


async def test_a_run_that_is_cancelled_leaves_its_neighbours_alone() -> None:
    model = Slow()
    async with serving_model(model) as connection:
        neighbour = asyncio.create_task(run_request(connection, request("b")))
        call = connection.call(request("a").messages(), 60.0)
        await call.read()
        call.cancel()
        assert told([outcome_of(await neighbour)]) == ["B"]
    assert sorted(model.over) == [False, True]
    assert [sorted(batch) for batch in model.batches] == [["a", "b"]]


async def test_a_run_that_is_cancelled_while_it_waits_is_not_served() -> None:
    model = Upper()
    async with serving_model(model) as connection:
        call = connection.call(request("a").messages(), 60.0)
        await asyncio.sleep(0.2)
        call.cancel()
        await asyncio.sleep(0.1)
        assert told([outcome_of(await run_request(connection, request("b")))]) == ["B"]
    assert model.batches == [["b"]]


def request(text: str) -> Request:
    return Request("upper", json.dumps({"text": text}).encode())


def test_a_result_that_belongs_to_nobody_is_refused_before_it_is_served() -> None:
    with pytest.raises(RunFailed, match="invalid_input: text"):
        run_model(Upper(), {"text": 5})
