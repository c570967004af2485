"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.completion import complete_model

DEFAULT_URL = "http://localhost:8000"

Url = Annotated[
    str,
    typer.Option(
        "--url", envvar="EVOKE_URL", help="Where evoke answers. The key is taken from EVOKE_API_KEY."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]
ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="The model's id; `evoke models` lists them.", autocompletion=complete_model
    ),
]
