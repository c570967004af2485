"""The words of `evoke model` and what each of its commands does."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import yaml

from model_containers.sdk.loading import load_models, model_file
from model_containers.workbench import beginning, catalogue_entry
from model_containers.workbench.container_commands import Subparsers, add_container_commands
from model_containers.workbench.inputs import WrongWords


def parser() -> argparse.ArgumentParser:
    """All commands; each sets `work`, a coroutine function that returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="evoke model", description="Write, try and check a model container."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_init(commands)
    _add_serve(commands)
    _add_entry(commands)
    add_container_commands(commands)
    return parser


def _add_init(commands: Subparsers) -> None:
    command = commands.add_parser("init", help="write a new container", description="Write a new container.")
    command.add_argument(
        "name", metavar="NAME", help="the model's id: lower-case letters, digits and hyphens"
    )
    command.add_argument("--folder", type=Path, help="where to write it (default: a folder of that name)")
    command.set_defaults(work=_init)


async def _init(options: argparse.Namespace) -> int:
    folder = options.folder or Path(options.name)
    for path in beginning.begin(options.name, folder):
        print(path)
    print(f"now: cd {folder} && evoke model test", file=sys.stderr)
    return 0


def _add_serve(commands: Subparsers) -> None:
    command = commands.add_parser(
        "serve", help="serve a model", description="Serve the models of a file or a folder."
    )
    command.add_argument(
        "path", nargs="?", type=Path, default=Path(), metavar="PATH", help="default: this folder"
    )
    command.add_argument(
        "--address", default="127.0.0.1:50051", help="unix:PATH or HOST:PORT (default: %(default)s)"
    )
    command.set_defaults(work=_serve)


async def _serve(options: argparse.Namespace) -> int:
    words = [
        sys.executable,
        "-m",
        "model_containers.sdk",
        str(model_file(options.path)),
        "--address",
        options.address,
    ]
    print(f"serving at {options.address}; Ctrl-C stops it", file=sys.stderr, flush=True)
    os.execv(sys.executable, words)  # noqa: S606  # no shell wanted


def _add_entry(commands: Subparsers) -> None:
    command = commands.add_parser(
        "entry",
        help="print a model's entry for the catalogue",
        description="Print a models.yaml made from the code.",
    )
    command.add_argument(
        "path", nargs="?", type=Path, default=Path(), metavar="PATH", help="default: this folder"
    )
    command.add_argument(
        "--check", type=Path, metavar="FILE", help="only tell whether this models.yaml fits the code"
    )
    command.set_defaults(work=_entry)


async def _entry(options: argparse.Namespace) -> int:
    file = model_file(options.path)
    models = load_models(file)
    if options.check is None:
        made = catalogue_entry.catalogue_of(models, models[0].manifest.id, file.name)
        print(catalogue_entry.as_yaml(made), end="")
        return 0
    try:
        stale = catalogue_entry.stale(models, options.check)
    except (OSError, yaml.YAMLError) as error:
        raise WrongWords(f"{options.check}: {error}") from error
    for name in stale:
        print(
            f"{options.check}: the input of {name} is not the code's; run `evoke model entry`",
            file=sys.stderr,
        )
    return 1 if stale else 0
