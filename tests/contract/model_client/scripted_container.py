"""A container on the SDK whose models do what their input tells them, for tests of everything that talks to containers.

python -m tests.contract.model_client.scripted_container --address unix:PATH [--concurrency N] [--broken]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from model_containers.sdk import (
    CheckpointError,
    DeadlineExceeded,
    InvalidInput,
    Manifest,
    Model,
    OutOfMemory,
    Output,
    Part,
    Progress,
    Result,
    Run,
    main,
)

SLICE_S = 0.01
ERRORS: dict[str, Callable[[], BaseException]] = {
    "invalid_input": lambda: InvalidInput("prompt", "is not to my taste"),
    "out_of_memory": lambda: OutOfMemory("the card is full"),
    "checkpoint": lambda: CheckpointError("the weights are torn"),
    "deadline": DeadlineExceeded,
    "model_error": lambda: RuntimeError("the model stumbled"),
    "memory_error": MemoryError,
    "system_exit": SystemExit,
}


class Action(BaseModel):
    """One thing to do; the fields that matter depend on `do`."""

    model_config = ConfigDict(extra="forbid")

    do: str
    name: str = ""
    media_type: str = "text/plain"
    text: str = ""
    seconds: float = 0.0
    step: int = 0
    total: int = 0
    pieces: int = 1
    piece_bytes: int = 0
    error: str = "model_error"
    until_attempt: int = 1000
    path: str = ""


class Script(BaseModel):
    """What to do, in order; then the result is returned."""

    model_config = ConfigDict(extra="forbid")

    script: list[Action] = []
    seed: int | None = None
    result: dict[str, Any] = {}


class Scripted(Model):
    """Follows its script on a thread."""

    def __init__(self, concurrency: int) -> None:
        self.manifest = Manifest(
            id="scripted", task="test", input=Script, max_concurrency=concurrency, limits={"max_pixels": 64.0}
        )

    def generate(self, input: Script, run: Run) -> Result:
        for action in input.script:
            getattr(self, f"_{action.do}")(action, run)
        return Result(seed=input.seed, timings_ms={"scripted": 1.5}, result=input.result)

    def _progress(self, action: Action, run: Run) -> None:
        run.progress(action.step, action.total, "steps")

    def _log(self, action: Action, run: Run) -> None:
        run.log(action.text)

    def _preview(self, action: Action, run: Run) -> None:
        run.preview(action.media_type, action.text.encode())

    def _metric(self, action: Action, run: Run) -> None:
        run.metric(action.name, action.seconds)

    def _output(self, action: Action, run: Run) -> None:
        with run.output(action.name, action.media_type, {"pieces": action.pieces}) as output:
            if action.text:
                output.write(action.text.encode())
            for number in range(action.pieces if action.piece_bytes else 0):
                output.write(bytes([number % 256]) * action.piece_bytes)

    def _unfinished_output(self, action: Action, run: Run) -> None:
        run.output(action.name, action.media_type)

    def _sleep(self, action: Action, run: Run) -> None:
        """Sleep, ready to be cancelled."""
        end = time.monotonic() + action.seconds
        while time.monotonic() < end:
            run.check_cancelled()
            time.sleep(SLICE_S)

    def _sleep_deaf(self, action: Action, run: Run) -> None:
        time.sleep(action.seconds)

    def _wait_for_cancel(self, action: Action, run: Run) -> None:
        """Tell in a file when the cancellation arrived."""
        while not run.cancelled:
            time.sleep(SLICE_S)
        _append(action.path, f"cancelled {run.job_id}")
        run.check_cancelled()

    def _wait_for_file(self, action: Action, run: Run) -> None:
        while not Path(action.path).exists():
            run.check_cancelled()
            time.sleep(SLICE_S)

    def _note(self, action: Action, run: Run) -> None:
        """Tell in a file that the run came here."""
        _append(action.path, f"{run.job_id} {run.attempt} {run.traceparent}")

    def _note_files(self, action: Action, run: Run) -> None:
        for name, file in run.files.items():
            run.log(f"{name} {len(file.read())}")

    def _copy_files(self, action: Action, run: Run) -> None:
        """Write every input file as an output of its name."""
        for name, file in run.files.items():
            run.write_output(name, "application/octet-stream", file.read())

    def _fail(self, action: Action, run: Run) -> None:
        if run.attempt <= action.until_attempt:
            raise ERRORS[action.error]()

    def _torch_out_of_memory(self, action: Action, run: Run) -> None:
        raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory")

    def _kill(self, action: Action, run: Run) -> None:
        if run.attempt <= action.until_attempt:
            os.kill(os.getpid(), signal.SIGKILL)

    def _hang(self, action: Action, run: Run) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)


class ScriptedAsync(Model):
    """Yields what the script says; `sleep`, `progress`, `output` and `fail` are understood."""

    manifest = Manifest(
        id="scripted-async", task="test", input=Script.model_json_schema(), max_concurrency=64
    )

    async def generate(self, input: dict[str, Any], run: Run) -> AsyncIterator[Part]:
        script = Script.model_validate(input)
        for action in script.script:
            match action.do:
                case "sleep":
                    await asyncio.sleep(action.seconds)
                case "progress":
                    yield Progress(action.step, action.total)
                case "output":
                    yield Output(action.name, action.media_type, action.text.encode(), last=False)
                    yield Output(action.name, action.media_type, b"!")
                case "fail":
                    raise ERRORS[action.error]()
        yield Result(seed=script.seed, result=script.result)


class Broken(Model):
    """Its weights can't be used."""

    manifest = Manifest(id="broken", task="test", input=Script, max_concurrency=64)

    def setup(self) -> None:
        raise CheckpointError("model.safetensors ends in the middle")

    def generate(self, input: Script, run: Run) -> Result:
        raise AssertionError("it was never set up")


class Gated(Broken):
    """Sets up when a file appears, or crashes then."""

    manifest = Manifest(id="gated", task="test", input=Script, max_concurrency=64)

    def __init__(self, gate: str, crash: bool) -> None:
        self._gate = gate
        self._crash = crash

    def setup(self) -> None:
        while self._gate and not Path(self._gate).exists():
            time.sleep(SLICE_S)
        if self._crash:
            raise ZeroDivisionError("nobody expected this")


def _append(path: str, line: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--setup-gate", default="", help="a file to wait for while setting up")
    parser.add_argument("--broken", action="store_true", help="with a model whose weights can't be used")
    parser.add_argument("--crash", action="store_true", help="with a model whose setup raises")


def _models(arguments: argparse.Namespace) -> Sequence[Model]:
    models: list[Model] = [Scripted(arguments.concurrency), ScriptedAsync()]
    if arguments.broken:
        models.append(Broken())
    if arguments.setup_gate or arguments.crash:
        models.append(Gated(arguments.setup_gate, arguments.crash))
    return models


if __name__ == "__main__":
    main(_models, "Does what it is told.", _options)
