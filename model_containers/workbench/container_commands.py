"""The commands that work on a container: `evoke model test`, `bench` and `conform`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TypeAlias

from model_containers.workbench import measuring, trial
from model_containers.workbench.conforming import conform
from model_containers.workbench.connection import Request
from model_containers.workbench.container import START_S, Place, place_of, serving
from model_containers.workbench.inputs import WrongWords, read_files, typed_input

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""argparse has no public name for what `add_subparsers` returns."""


def add_container_commands(commands: Subparsers) -> None:
    """Add them."""
    _add_test(commands)
    _add_bench(commands)
    _add_conform(commands)


def _add_place(command: argparse.ArgumentParser) -> None:
    """Add the options that say which container is meant."""
    command.add_argument(
        "path",
        nargs="?",
        type=Path,
        metavar="PATH",
        help="a folder with a model.py, or a Python file (default: here)",
    )
    command.add_argument("--address", help="of a container that runs: unix:PATH or HOST:PORT")
    command.add_argument(
        "--command",
        dest="command_line",
        metavar="WORDS",
        help="how to start a container in any language; {address}"
        " stands for where it must listen, else --address ADDRESS is added",
    )
    command.add_argument("--model", help="id of the model (default: the container's first)")
    command.add_argument(
        "--start-s",
        type=float,
        default=START_S,
        help="seconds that it may take to start (default: %(default)s)",
    )


def _add_input(command: argparse.ArgumentParser) -> None:
    """Add the options that say what a run is given."""
    command.add_argument(
        "--input", metavar="JSON", help="the input, or @FILE (default: an example by the schema)"
    )
    command.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE", help="a field of it"
    )
    command.add_argument(
        "--file", action="append", default=[], metavar="NAME=PATH", help="a file that comes with it"
    )


def _place(options: argparse.Namespace) -> Place:
    """The container that the options name. Raises WrongWords, NoModels."""
    return place_of(options.path, options.address, options.command_line)


def _add_test(commands: Subparsers) -> None:
    command = commands.add_parser(
        "test",
        help="run one input",
        description="Run one input without queue or sidecar, and save its outputs.",
    )
    _add_place(command)
    _add_input(command)
    command.add_argument(
        "-o", dest="folder", type=Path, default=Path("out"), help="where outputs go (default: ./out)"
    )
    command.add_argument(
        "--deadline-s", type=float, default=600.0, help="seconds for the run (default: %(default)s)"
    )
    command.set_defaults(work=_test)


async def _test(options: argparse.Namespace) -> int:
    async with serving(_place(options), options.start_s) as container:
        wanted = trial.Wanted(
            options.model, options.input, options.parameters, options.file, options.folder, options.deadline_s
        )
        return await trial.try_once(container, wanted)


def _add_bench(commands: Subparsers) -> None:
    command = commands.add_parser(
        "bench", help="measure runs per second", description="Measure runs per second and the time of each."
    )
    _add_place(command)
    _add_input(command)
    command.add_argument(
        "--runs", type=int, default=50, help="runs of each measurement (default: %(default)s)"
    )
    command.add_argument(
        "--concurrency",
        metavar="N,N",
        help="runs at once, several numbers are measured in turn (default: 1 and all slots)",
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(work=_bench)


async def _bench(options: argparse.Namespace) -> int:
    async with serving(_place(options), options.start_s) as container:
        model = container.model(options.model)
        value = typed_input(json.loads(model.input_schema_json), options.input, options.parameters)
        request = Request(model.id, json.dumps(value).encode(), 600.0, read_files(options.file))
        at_once = _numbers(options.concurrency) or sorted({1, model.max_concurrency})
        lines = [await measuring.measure(container, request, number, options.runs) for number in at_once]
    print(measuring.as_json(lines) if options.json else measuring.table(lines))
    failed = [line.first_failure for line in lines if line.failed]
    for failure in failed[:1]:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failed else 0


def _add_conform(commands: Subparsers) -> None:
    command = commands.add_parser(
        "conform",
        help="check that a container keeps the protocol",
        description="Check that a container, in any"
        " language, keeps the protocol evoke.model.v1: every check is named, and what was seen.",
    )
    _add_place(command)
    _add_input(command)
    command.add_argument(
        "--long",
        metavar="JSON",
        help="fields, or @FILE, of an input that takes long: for runs that are cut short",
    )
    command.add_argument(
        "--run-s", type=float, default=120.0, help="longest time of a run (default: %(default)s)"
    )
    command.add_argument(
        "--patience-s", type=float, default=10.0, help="for refusals and cancellations (default: %(default)s)"
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(work=conform)


def _numbers(text: str | None) -> list[int]:
    numbers = [int(word) for word in text.split(",") if word.strip().isdecimal()] if text else []
    if text and (not numbers or min(numbers) < 1):
        raise WrongWords(f"--concurrency takes numbers of 1 or more, got {text!r}")
    return numbers
