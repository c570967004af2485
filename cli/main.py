"""The `evoke` command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.commands import admin, dead_letters, doctor, jobs, migrate, model, stack, submit, system, up
from cli.failures import CommandFailed, ExitCode

app = typer.Typer(
    name="evoke",
    help="Generate with models behind a durable queue. EVOKE_URL says where; `evoke up` starts one here.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
up.register(app)
stack.register(app)
submit.register(app)
jobs.register(app)
system.register(app)
app.add_typer(dead_letters.app, name="dlq")
doctor.register(app)
model.register(app)
app.add_typer(admin.app, name="admin")
migrate.register(app)


@app.callback(invoke_without_command=True)
def evoke(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Generate with models behind a durable queue. EVOKE_URL says where; `evoke up` starts one here."""
    if version:
        print(system.own_version())
        raise typer.Exit


def main() -> None:
    """Run the command; every way to end has its exit code."""
    try:
        app(prog_name="evoke")
    except CommandFailed as error:
        for line in (f"evoke: {error}", *(f"  {advice}" for advice in error.advice)):
            print(line, file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()
