"""`evoke models list|pull|add|verify|remove`: the catalogue's models and their weights on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import ExitCode

if TYPE_CHECKING:
    from evoke.settings import Settings

Catalogue = Annotated[
    str, typer.Option("--catalogue", help="The models.yaml [default: EVOKE_CATALOGUE, else the shipped one].")
]
ModelsDir = Annotated[
    str,
    typer.Option(
        "--models-dir", help="Where weights lie [default: EVOKE_MODELS_DIR, else models in the data folder]."
    ),
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="The models' ids.")]
Everything = Annotated[bool, typer.Option("--all", help="Every model of the catalogue.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the group of models."""
    app.command("list")(list_here)
    app.command()(pull)
    app.command()(add)
    app.command()(verify)
    app.command()(remove)


def list_here(
    catalogue: Catalogue = "",
    models_dir: ModelsDir = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the catalogue, and whether each model's weights are on this machine. Needs no API."""
    from cli.output import print_json, print_table
    from cli.weights.here import Here

    here = Here.open(settings_of(catalogue, models_dir))
    rows = here.rows()
    if as_json:
        print_json(rows)
        return
    columns = ("id", "task", "queue", "weights", "source", "licence")
    print_table(columns, [[row[column] for column in columns] for row in rows], "no models")


def pull(
    models: Names = None,
    everything: Everything = False,
    links: Annotated[
        str, typer.Option(help="A JSON or YAML file with a list of {url, rename_to} to fetch too.")
    ] = "",
    catalogue: Catalogue = "",
    models_dir: ModelsDir = "",
) -> None:
    """Fetch weights, once; what broke off goes on. Tokens come from HF_TOKEN and EVOKE_MODELS_TOKENS."""
    from cli.failures import Usage
    from cli.weights.here import Here

    here = Here.open(settings_of(catalogue, models_dir))
    if not (models or everything or links):
        raise Usage("name the models to fetch, or --all", "`evoke models list` shows them.")
    if not here.pull(here.wishes(models or [], everything, Path(links) if links else None)):
        raise typer.Exit(ExitCode.JOB_FAILED)


def add(
    model: Annotated[str, typer.Argument(metavar="ID", help="What to call it.")],
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="hf:ORG/NAME@REVISION, https://…, s3://…, or a path.")
    ],
    container: Annotated[str, typer.Option(help="What serves it.")] = "diffusers",
    like: Annotated[
        str, typer.Option(help="Take task, queue and input of this model; default: ask the container.")
    ] = "",
    queue: Annotated[
        str, typer.Option(help="Queue to serve it from [default: that of the container's models].")
    ] = "",
    title: Annotated[str, typer.Option(help="For people [default: the id].")] = "",
    licence: Annotated[str, typer.Option(help="A note on the licence of the weights.")] = "",
    sha256: Annotated[str, typer.Option(help="Of a single file.")] = "",
    config: Annotated[str, typer.Option(help="Folder of configs of a single file.")] = "",
    files: Annotated[
        list[str] | None, typer.Option("--file", help="Pattern of files to take; may be repeated.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Name of a file to take though it can run code.")
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part", metavar="NAME=SOURCE", help="Other weights that go with it, into a folder of that name."
        ),
    ] = None,
    catalogue: Catalogue = "",
    models_dir: ModelsDir = "",
) -> None:
    """Fetch weights, see what they take, and write the entry into the catalogue (./models.yaml when there is none)."""
    from cli.weights.adding import Addition, add_model

    told = {
        "sha256": sha256,
        "config": config,
        "files": files or [],
        "allow": allow or [],
        "parts": parts_of(parts or []),
    }
    addition = Addition(
        id=model,
        source={"uri": source, **{name: value for name, value in told.items() if value}},
        container=container,
        like=like,
        queue=queue,
        title=title,
        licence=licence,
    )
    print(add_model(settings_of(catalogue, models_dir), addition))


def parts_of(words: list[str]) -> dict[str, str]:
    """Read `NAME=SOURCE`. Raises Usage."""
    from cli.failures import Usage

    pairs = [word.partition("=")[::2] for word in words]
    if wrong := [word for word, (name, source) in zip(words, pairs, strict=True) if not (name and source)]:
        raise Usage(f"--part {wrong[0]}: must be NAME=SOURCE, such as t5-large=hf:google-t5/t5-large")
    return dict(pairs)


def verify(models: Names = None, catalogue: Catalogue = "", models_dir: ModelsDir = "") -> None:
    """Read fetched weights again and check them against the digests that were noted; all of them by default."""
    from cli.weights.here import Here

    if not Here.open(settings_of(catalogue, models_dir)).verify(models or []):
        raise typer.Exit(ExitCode.JOB_FAILED)


def remove(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="The models' ids.")],
    catalogue: Catalogue = "",
    models_dir: ModelsDir = "",
) -> None:
    """Remove fetched weights from this machine; the catalogue's entry stays."""
    from cli.weights.here import Here

    if not Here.open(settings_of(catalogue, models_dir)).remove(models):
        raise typer.Exit(ExitCode.JOB_FAILED)


def settings_of(catalogue: str, models_dir: str) -> Settings:
    """The settings of the environment, with what was typed. Raises Usage."""
    from cli.failures import Usage
    from evoke.domain.errors import InvalidInput
    from evoke.settings import load_settings

    typed: dict[str, object] = {}
    if catalogue:
        typed["catalogue"] = Path(catalogue)
    if models_dir:
        typed["models_dir"] = Path(models_dir)
    try:
        return load_settings(typed)
    except InvalidInput as error:
        raise Usage(str(error)) from error
