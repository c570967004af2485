"""`evoke admin`: prepare the distributed engine's servers, and go on after the loss of one."""

from __future__ import annotations

import typer

from cli.commands.restore import restore
from cli.failures import Unreachable, Usage

app = typer.Typer(help="Look after the servers behind evoke.", no_args_is_help=True)
app.command("restore")(restore)


@app.callback()
def admin() -> None:
    """Look after the servers behind evoke."""


@app.command("init")
def init() -> None:
    """Make tenant, namespace, topics, subscriptions and policies of every queue of the catalogue, where missing.

    It reads the EVOKE_* settings of the services, and can be run again at any time.
    """
    from evoke.bootstrap import load_catalogue, prepare_engine
    from evoke.domain.errors import InvalidInput, Unavailable
    from evoke.settings import load_settings

    try:
        settings = load_settings()
        for line in prepare_engine(settings, load_catalogue(settings.catalogue).queues):
            print(line)
    except InvalidInput as error:
        raise Usage(str(error)) from error
    except Unavailable as error:
        raise Unreachable(str(error)) from error
