"""`evoke dlq list|show|replay|purge`: jobs that were put aside after their last attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from cli.options import DEFAULT_URL, AsJson, Url

if TYPE_CHECKING:
    from cli.connection import Connection

app = typer.Typer(
    help="Dead letters: jobs that were put aside after their last attempt.", no_args_is_help=True
)

LetterId = Annotated[str, typer.Argument(metavar="LETTER", help="The letter's id, from `evoke dlq list`.")]
LetterIds = Annotated[list[str] | None, typer.Argument(metavar="LETTER", help="Ids of letters.")]
OfError = Annotated[str | None, typer.Option("--error", help="All letters with this error, e.g. model_lost.")]
OfQueue = Annotated[str | None, typer.Option("--queue", help="Only of this queue.")]
All = Annotated[bool, typer.Option("--all", help="All letters.")]
MOST = 10_000


@app.command("list")
def list_letters(
    error: OfError = None, queue: OfQueue = None, as_json: AsJson = False, url: Url = DEFAULT_URL
) -> None:
    """List what was put aside and not yet replayed or purged."""
    from cli.connection import connect
    from cli.output import age, print_json, print_table

    with connect(url) as connection:
        letters = _letters(connection, error, queue)
    if as_json:
        print_json(letters)
        return
    columns = ("letter", "queue", "model", "error", "attempts", "put aside", "message")
    rows = [
        (
            x["id"],
            x["queue"],
            x["model"],
            x["error"]["code"],
            x["attempts"],
            age(x["dead_lettered_at"]),
            x["error"]["message"],
        )
        for x in letters
    ]
    print_table(columns, rows, "no dead letters")


@app.command()
def show(letter_id: LetterId, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Show one letter with its request."""
    from cli.connection import connect
    from cli.output import print_fields, print_json

    with connect(url) as connection:
        letter = connection.get(f"/v1/dlq/{quote(letter_id, safe='')}")
    if as_json:
        print_json(letter)
    else:
        print_fields(letter.items())


@app.command()
def replay(
    letter_ids: LetterIds = None,
    error: OfError = None,
    queue: OfQueue = None,
    everything: All = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Submit letters again, as new jobs: some by id, all of an error, or all."""
    from cli.connection import connect
    from cli.failures import CommandFailed
    from cli.output import note, print_json

    selection = _selection(letter_ids, error, queue, everything=everything)
    with connect(url) as connection:
        if letter_ids:
            replayed = [connection.post(f"/v1/dlq/{quote(letter, safe='')}/replay") for letter in letter_ids]
            refused: list[dict[str, Any]] = []
        else:
            replayed, refused = _replay_many(connection, selection)
    if as_json:
        print_json({"replayed": replayed, "refused": refused})
    else:
        for each in replayed:
            print(f"{each['letter_id']}  new job {each['job_id']}")
        note(f"{len(replayed)} replayed")
    if refused:
        raise CommandFailed(
            f"{len(refused)} could not be replayed",
            *(f"{each['letter_id']}: {each['message']}" for each in refused),
        )


@app.command()
def purge(
    letter_ids: LetterIds = None,
    error: OfError = None,
    queue: OfQueue = None,
    everything: All = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Throw letters away: some by id, all of an error, or all. The log keeps that they were there."""
    from cli.connection import connect
    from cli.output import note

    selection = _selection(letter_ids, error, queue, everything=everything)
    with connect(url) as connection:
        many = len(letter_ids or _letters(connection, error, queue))
        if many and not yes:
            typer.confirm(f"Throw {many} dead letters away?", abort=True, err=True)
        purged = 0
        for letter_id in letter_ids or ():
            connection.request("DELETE", f"/v1/dlq/{quote(letter_id, safe='')}")
            purged += 1
        while not letter_ids:
            report = connection.post("/v1/dlq/purge", selection)
            purged += report["purged"]
            if not report["remaining"] or not report["purged"]:
                break
    note(f"{purged} purged")


def _replay_many(
    connection: Connection, selection: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Replay all that are selected, in as many requests as it takes; returns what was replayed and refused."""
    replayed: list[dict[str, Any]] = []
    while True:
        report = connection.post("/v1/dlq/replay", selection)
        replayed += report["replayed"]
        refused: list[dict[str, Any]] = report["refused"]
        if report["remaining"] <= len(refused) or not report["replayed"]:
            return replayed, refused


def _selection(
    ids: list[str] | None, error: str | None, queue: str | None, *, everything: bool
) -> dict[str, Any]:
    """What the API is asked for, empty when letters are named by id. Raises Usage unless it is said in one way."""
    from cli.failures import Usage

    if bool(ids) + bool(error or queue) + everything != 1:
        raise Usage("name letters by id, or --error, --queue or --all", "What there is: evoke dlq list")
    if everything:
        return {"all": True}
    return {name: value for name, value in (("error", error), ("queue", queue)) if value}


def _letters(connection: Connection, error: str | None, queue: str | None) -> list[dict[str, Any]]:
    filters = {name: value for name, value in (("error", error), ("queue", queue)) if value}
    return connection.pages("/v1/dlq", filters, MOST)
