"""`evoke up`: starts the whole system on this machine."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    models: Annotated[str, typer.Option(help="Comma-separated ids; default: all that can run here.")] = "",
    host: Annotated[
        str, typer.Option(help="Address to listen on [default: EVOKE_HOST, else 127.0.0.1].")
    ] = "",
    port: Annotated[
        str, typer.Option(help="Port, 0 for any free one [default: EVOKE_PORT, else 8000].")
    ] = "",
    engine: Annotated[
        str, typer.Option(help="embedded, or distributed (after `evoke stack up`) [default: EVOKE_ENGINE].")
    ] = "",
    data_dir: Annotated[
        str, typer.Option(help="Where everything is kept [default: EVOKE_DATA_DIR, else ./data].")
    ] = "",
) -> None:
    """Start the whole system on this machine: API, archiver, workers and models. Ctrl-C stops it."""
    given = {
        "--models": models,
        "--engine": engine,
        "--host": host,
        "--port": port,
        "--data-dir": data_dir,
    }
    options = [word for name, value in given.items() if value for word in (name, value)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "services.standalone", *options])  # noqa: S606  # no shell wanted
