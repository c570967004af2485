"""`evoke stack up|down|status`: the servers of the distributed engine on this machine."""

from __future__ import annotations

import typer

from cli.failures import CommandFailed


def register(app: typer.Typer) -> None:
    """Add the command, which takes its words as they are: the stack reads them itself."""
    app.command(
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    )(stack)


def stack(context: typer.Context) -> None:
    """Start, stop and show Pulsar, S3, the Iceberg catalog and Trino here: up, down, status; -h tells more."""
    try:
        from infrastructure.local.stack.__main__ import main
    except ModuleNotFoundError as error:
        raise CommandFailed(
            "the local stack is part of evoke's source tree: run this from a clone"
        ) from error
    raise typer.Exit(main(context.args or ["--help"]))
