"""The factorial as a model: long-running work without a GPU, exact, streamed and cancellable."""

from __future__ import annotations

import time

import gmpy2
from pydantic import BaseModel, ConfigDict, Field

from model_containers.factorial.arithmetic import decimal, factorial, steps_of_factorial
from model_containers.sdk import Manifest, Model, Result, Run

PROGRESS_TOTAL = 100


class Number(BaseModel):
    """The input."""

    model_config = ConfigDict(extra="forbid", strict=True)

    no: int = Field(ge=0, le=1_000_000, title="Number", examples=[150000])


class Factorial(Model):
    """Writes `no`! in decimal to `result.txt`."""

    def __init__(self, max_concurrency: int = 2) -> None:
        self.manifest = Manifest(
            id="factorial", task="factorial", input=Number, max_concurrency=max_concurrency
        )

    def generate(self, input: Number, run: Run) -> Result:
        """Compute, then write the digits as they come. Progress is in percent of the pieces of the product."""
        gmpy2.get_context().allow_release_gil = True  # other runs, and the connection, go on meanwhile
        started = time.perf_counter()
        product = factorial(input.no, _Progress(run, steps_of_factorial(input.no)).step)
        multiplied = time.perf_counter()
        digits = 0
        with run.output("result.txt", "text/plain") as file:
            for text in decimal(product, run.check_cancelled):
                digits += file.write(text.encode("ascii"))
        run.progress(PROGRESS_TOTAL, PROGRESS_TOTAL, "percent")
        written = time.perf_counter()
        timings = {"product": (multiplied - started) * 1000, "digits": (written - multiplied) * 1000}
        return Result(timings_ms=timings, result={"digits": digits})


class _Progress:
    """Counts steps and reports whole percents."""

    def __init__(self, run: Run, total: int) -> None:
        self._run = run
        self._total = max(1, total)
        self._done = 0
        self._told = -1

    def step(self) -> None:
        """One piece is done. Raises Cancelled."""
        self._run.check_cancelled()
        self._done += 1
        percent = self._done * (PROGRESS_TOTAL - 1) // self._total
        if percent > self._told:
            self._told = percent
            self._run.progress(percent, PROGRESS_TOTAL, "percent")
