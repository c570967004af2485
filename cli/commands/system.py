"""`evoke models|queues|sql|version`: what there is, how it fares, and every job ever in SQL."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer
from typer.core import TyperGroup

from cli.commands import weights
from cli.completion import complete_model
from cli.options import DEFAULT_URL, AsJson, Url


class Format(StrEnum):
    """How rows of SQL are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models_app(), name="models")
    app.command()(queues)
    app.command()(sql)
    app.command()(version)


def own_version() -> str:
    """The version of this command."""
    from importlib.metadata import version as version_of

    return version_of("evoke")


class ModelsGroup(TyperGroup):
    """`evoke models` and `evoke models MODEL` are what `evoke models show` is; the other words are commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` before words that name no command."""
        if not any(word in self.commands or word in ("-h", "--help") for word in args[:1]):
            args = ["show", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def models_app() -> typer.Typer:
    """The group of commands about models."""
    app = typer.Typer(cls=ModelsGroup, help="Models of the API, or with a command those of this machine.")
    app.command("show")(models)
    weights.register(app)
    return app


def models(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="Show this one's fields.", autocompletion=complete_model),
    ] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """List the API's models, or show what one of them takes; `evoke models` alone does the same."""
    from cli.connection import connect
    from cli.output import print_json, print_table

    with connect(url) as connection:
        found = connection.get("/v1/models" if model is None else f"/v1/models/{quote(model, safe='')}")
    if as_json:
        print_json(found if model is not None else found["items"])
    elif model is None:
        columns = ("id", "task", "queue", "what it does")
        rows = [(m["id"], m["task"], m["queue"], m.get("description", "")) for m in found["items"]]
        print_table(columns, rows, "no models")
    else:
        print(f"{found['id']}: {found.get('description') or found['title']}\n")
        print_table(
            ("field", "type", "default", "allowed", "meaning"), _fields(found["input_schema"]), "no fields"
        )


def queues(as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Show what waits and who works."""
    from cli.connection import connect
    from cli.output import duration, print_json, print_table

    with connect(url) as connection:
        found = connection.get("/v1/queues")["items"]
    if as_json:
        print_json(found)
        return
    columns = ("queue", "waiting", "bulk", "retry later", "running", "oldest waits", "workers")
    rows = []
    for line in found:
        oldest = line["oldest_age_s"]
        depth = line["depth"]
        rows.append(
            (
                line["name"],
                depth["interactive"],
                depth["bulk"],
                line["delayed"],
                line["running"],
                "" if oldest is None else duration(oldest),
                line["workers"],
            )
        )
    print_table(columns, rows, "no queues")


def sql(
    statement: Annotated[
        str, typer.Argument(metavar="SQL", help="A read-only statement, or - to read it from standard input.")
    ],
    output_format: Annotated[
        Format, typer.Option("--format", "-f", help="How to print the rows.")
    ] = Format.TABLE,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Ask everything that ever happened: the views jobs, job_events, usage and failures.

    evoke sql "select model, count(*) from jobs group by model"
    """
    import sys

    from cli.connection import connect
    from cli.output import note

    text = sys.stdin.read() if statement == "-" else statement
    with connect(url) as connection:
        result = connection.post("/v1/query", {"sql": text})
    names = [column["name"] for column in result["columns"]]
    _print_rows(names, result["rows"], Format.JSON if as_json else output_format)
    if result.get("truncated"):
        note(f"only the first {len(result['rows'])} rows: the API returns no more")


def version(as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Print the versions of this command and of the API."""
    from cli.connection import connect
    from cli.failures import CommandFailed
    from cli.output import print_fields, print_json

    versions: dict[str, str | None] = {"evoke": own_version(), "api": None}
    try:
        with connect(url) as connection:
            versions["api"] = connection.get("/openapi.json")["info"]["version"]
    except (CommandFailed, LookupError, TypeError):
        versions["api"] = None
    if as_json:
        print_json(versions)
    else:
        print_fields([("evoke", versions["evoke"]), (f"api at {url}", versions["api"] or "does not answer")])


def _print_rows(names: list[str], rows: list[list[Any]], output_format: Format) -> None:
    import csv
    import sys

    from cli.output import print_json, print_table

    if output_format is Format.JSON:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif output_format is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    else:
        print_table(names, rows, "no rows")


def _fields(schema: dict[str, Any]) -> list[tuple[object, ...]]:
    required = schema.get("required", [])
    return [
        (
            name,
            field.get("type", "any"),
            "required" if name in required else field.get("default"),
            _allowed(field),
            field.get("description") or field.get("title", ""),
        )
        for name, field in schema.get("properties", {}).items()
    ]


def _allowed(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(str(value) for value in field["enum"])
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        step = field.get("multipleOf")
        return f"{low} to {high}" + (f", multiples of {step}" if step is not None and step != 1 else "")
    if "maxLength" in field:
        return f"at most {field['maxLength']} characters"
    return "" if low is None and high is None else f"≥ {low}" if high is None else f"≤ {high}"
