"""`evoke watch|get|list|cancel`: jobs that were submitted."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.options import DEFAULT_URL, AsJson, JobId, Url


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(watch)
    app.command()(get)
    app.command("list")(list_jobs)
    app.command()(cancel)


def watch(job_id: JobId, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Follow a job until its end. With --json each event is a line."""
    from cli.connection import connect
    from cli.output import note
    from cli.watching import JsonView, failure_of, view_for, wait_for_end

    with connect(url) as connection:
        if as_json:
            job = wait_for_end(connection, _path(job_id), JsonView())
        else:
            with view_for(as_json=False, quiet=False) as view:
                job = wait_for_end(connection, _path(job_id), view)
            note(f"{job['status']}, {len(job['artifacts'])} artifacts")
    failure = failure_of(job)
    if failure is not None:
        raise failure


def get(
    job_id: JobId,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Save its artifacts to a file or folder, - for standard output."),
    ] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Show a job, or save what it made."""
    from cli.artifacts import check_target, save
    from cli.connection import connect
    from cli.output import print_json

    check_target(output)
    with connect(url) as connection:
        job = connection.get(f"/v1/jobs/{_path(job_id)}")
        if output is not None:
            save(connection, job, output)
        if as_json:
            print_json(job)
        elif output is None:
            _print_job(job, [connection.absolute(artifact["url"]) for artifact in job["artifacts"]])


def list_jobs(
    status: Annotated[
        list[str] | None,
        typer.Option(help="queued, running, succeeded, failed or cancelled; may be repeated."),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only of this model; may be repeated.")] = None,
    grouping: Annotated[str | None, typer.Option(help="Only with this metadata.grouping.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Submitted at or after this time, e.g. 2026-01-31T12:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Submitted before this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """List jobs, newest first."""
    from cli.connection import connect
    from cli.output import age, print_json, print_table

    lists = {"status": ",".join(status or []), "model": ",".join(model or [])}
    filters = {**lists, "grouping": grouping, "since": since, "until": until}
    with connect(url) as connection:
        jobs = connection.pages("/v1/jobs", {name: value for name, value in filters.items() if value}, limit)
    if as_json:
        print_json(jobs)
        return
    rows = [(job["id"], job["status"], job["model"], age(job["created_at"]), _summary(job)) for job in jobs]
    print_table(("id", "status", "model", "submitted", "input"), rows, "no jobs")


def cancel(
    job_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The jobs' ids.")],
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Cancel jobs that wait or run. A job that has ended stays as it is."""
    from cli.connection import connect
    from cli.output import print_json_line

    with connect(url) as connection:
        for job_id in job_ids:
            job = connection.post(f"/v1/jobs/{_path(job_id)}/cancel")
            if as_json:
                print_json_line(job)
            else:
                print(f"{job['id']}  {job['status']}")


def _path(job_id: str) -> str:
    return quote(job_id, safe="")


def _summary(job: dict[str, Any]) -> str:
    value = job["input"]
    text = str(value.get("prompt") or " ".join(f"{name}={part}" for name, part in value.items()))
    return text if len(text) <= 60 else text[:59] + "…"


def _print_job(job: dict[str, Any], addresses: list[str]) -> None:
    from cli.output import print_fields

    error = job.get("error")
    shown: list[tuple[str, object]] = [(name, job.get(name)) for name in _SHOWN]
    shown.append(("error", f"{error['code']}: {error['message']}" if error else None))
    shown += [("artifact", address) for address in addresses]
    print_fields(shown)


_SHOWN = (
    "id",
    "status",
    "model",
    "queue",
    "lane",
    "queue_position",
    "created_at",
    "started_at",
    "finished_at",
    "attempts",
    "seed",
    "input",
    "result",
    "replay_of",
    "superseded_by",
)
