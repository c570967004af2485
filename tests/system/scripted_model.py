"""A model container whose behaviour is told by its input, for tests of the whole system."""

from __future__ import annotations

import os
import signal
import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from model_containers.sdk import CheckpointError, Manifest, Model, OutOfMemory, Result, Run, main

SLICE_S = 0.02
CHUNK = b"0123456789abcdef" * 1024


class Script(BaseModel):
    """What to do: `echo` the text at once, `work` for a while, `fail`, `kill` the container, `hang` deaf to all."""

    model_config = ConfigDict(extra="forbid")

    behaviour: Literal["echo", "work", "fail", "kill", "hang"]
    text: str = ""
    seconds: float = Field(0, ge=0, le=60)
    size_bytes: int = Field(0, ge=0, le=10_000_000)
    error: str = "model_error"


class Scripted(Model):
    """Does as it is told. Its outputs follow from its input alone, so that repeats have equal digests."""

    manifest = Manifest(id="scripted", task="scripted", input=Script, max_concurrency=4)

    def setup(self) -> None:
        """Nothing to load."""

    def generate(self, input: Script, run: Run) -> Result:
        """Follow the script."""
        match input.behaviour:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "fail":
                self._fail(input.error)
            case _:
                self._work(input.seconds, run)
        run.write_output("text.txt", "text/plain", input.text.encode())
        if input.size_bytes:
            self._write_large(input.size_bytes, run)
        return Result(seed=1, result={"characters": len(input.text)})

    def _work(self, seconds: float, run: Run) -> None:
        slices = int(seconds / SLICE_S)
        for number in range(slices):
            time.sleep(SLICE_S)
            run.check_cancelled()
            run.progress(number + 1, slices, "slices")

    def _fail(self, error: str) -> None:
        match error:
            case "out_of_memory":
                raise OutOfMemory("told to run out of memory")
            case "checkpoint":
                raise CheckpointError("told to have a broken checkpoint")
            case _:
                raise RuntimeError("told to fail")

    def _write_large(self, size_bytes: int, run: Run) -> None:
        with run.output("large.bin", "application/octet-stream") as output:
            for start in range(0, size_bytes, len(CHUNK)):
                output.write(CHUNK[: size_bytes - start])


if __name__ == "__main__":
    main(lambda arguments: [Scripted()], "A scripted model for tests.")
