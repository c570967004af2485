"""`evoke model init|serve|entry|test|bench|conform`: work on a model container."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import typer

from cli.failures import CommandFailed

NEEDED = ("grpc", "grpc_health", "jsonschema_rs")


def register(app: typer.Typer) -> None:
    """Add the command, which takes its words as they are: the workbench reads them itself."""
    app.command(
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    )(model)


def model(context: typer.Context) -> None:
    """Write, try, measure and check a model container: init, serve, entry, test, bench, conform; -h tells more."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CommandFailed(
            f"{', '.join(missing)} not installed",
            "The model SDK is the group `sdk`: pip install 'evoke[sdk]'.",
        )
    sys.stdout.flush()
    words = [sys.executable, "-m", "model_containers.workbench", *(context.args or ["--help"])]
    os.execv(sys.executable, words)  # noqa: S606  # no shell wanted
