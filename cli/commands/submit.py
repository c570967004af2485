"""`evoke submit`: sends a request, shows its progress, saves what it made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import DEFAULT_URL, AsJson, ModelName, Url

if TYPE_CHECKING:
    from cli.connection import Connection


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(submit)


def submit(
    model: ModelName,
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT", help="The prompt (or the model's one field), or @FILE.json with the input."
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A field of the input.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same output.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="File or folder to save to, - for standard output.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", "-m", metavar="NAME=VALUE", help="Kept with the job.")
    ] = None,
    priority: Annotated[int, typer.Option(help="Below 0: when nothing else waits.")] = 0,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key never makes a second job.")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the job's id and end.")] = False,
    cancel_on_interrupt: Annotated[
        bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C cancels the job.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Submit a job, wait for it and save what it made.

    evoke submit shapes-64 "a red circle" -o out.png
    """
    import uuid
    from urllib.parse import quote

    from cli.artifacts import check_target
    from cli.connection import connect
    from cli.inputs import build_input
    from cli.output import print_json

    check_target(output)
    with connect(url) as connection:
        described = connection.get(f"/v1/models/{quote(model, safe='')}")
        body = {
            "model": model,
            "input": build_input(described["input_schema"], text, parameter or [], seed),
            "metadata": _pairs(metadata or []),
            "priority": priority,
        }
        job = connection.submit(body, idempotency_key or uuid.uuid4().hex)
        if no_wait:
            print_json(job) if as_json else print(job["id"])
            return
        _wait_and_save(connection, job, output, cancel=cancel_on_interrupt, as_json=as_json, quiet=quiet)


def _wait_and_save(
    connection: Connection,
    job: dict[str, Any],
    output: str | None,
    *,
    cancel: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from cli.artifacts import save
    from cli.output import note, print_json
    from cli.watching import failure_of, view_for, wait_for_end

    try:
        if not quiet:
            note(f"job {job['id']}")
            _warn_of_no_worker(connection, job["queue"])
        with view_for(as_json=as_json, quiet=quiet) as view:
            job = wait_for_end(connection, job["id"], view)
        if output is not None and job["status"] == "succeeded":
            save(connection, job, output)
    except KeyboardInterrupt:
        _leave(connection, job["id"], cancel=cancel)
        raise
    if as_json:
        print_json(job)
    elif output is None and job["status"] == "succeeded":
        _print_artifacts(connection, job)
    failure = failure_of(job)
    if failure is not None:
        raise failure


def _leave(connection: Connection, job_id: str, *, cancel: bool) -> None:
    """After Ctrl-C: cancel the job, or tell how to find it again."""
    from cli.output import note

    if cancel:
        connection.post(f"/v1/jobs/{job_id}/cancel")
        note(f"\ncancelled {job_id}")
    else:
        note(f"\nthe job goes on. Watch it: evoke watch {job_id}    Cancel it: evoke cancel {job_id}")


def _print_artifacts(connection: Connection, job: dict[str, Any]) -> None:
    from cli.artifacts import told
    from cli.output import note

    for artifact in job["artifacts"]:
        print(connection.absolute(artifact["url"]))
        note(f"  {artifact['name']}: {told(artifact)}")
    if job["artifacts"]:
        note(f"save them: evoke get {job['id']} -o FILE")


def _warn_of_no_worker(connection: Connection, queue: str) -> None:
    """Say so when nobody serves the queue: a job that waits must not look like one that hangs."""
    from cli.output import note

    for line in connection.get("/v1/queues")["items"]:
        if line["name"] == queue and not line["workers"]:
            note(f"no worker serves {queue} now: the job waits until one does (evoke doctor)")


def _pairs(words: list[str]) -> dict[str, str]:
    from cli.failures import Usage

    wrong = [word for word in words if "=" not in word]
    if wrong:
        raise Usage(f"-m takes NAME=VALUE, got {wrong[0]!r}")
    return {name: value for name, _, value in (word.partition("=") for word in words)}
