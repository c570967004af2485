"""Shows a job's life as it happens: a bar on a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from cli.connection import Connection
from cli.events import ServerEvent, follow
from cli.failures import JobFailed
from cli.output import note, print_json_line


class View(Protocol):
    """What is told of events."""

    def show(self, event: ServerEvent) -> None:
        """Tell one event."""
        ...

    def broken(self, reason: str) -> None:
        """Tell that the connection broke and is being made again."""
        ...


class JsonView:
    """Each event as a line of JSON on standard output."""

    def show(self, event: ServerEvent) -> None:
        """Print the event."""
        print_json_line({"event": event.name, "id": event.id, "data": event.data})

    def broken(self, reason: str) -> None:
        """Tell it on standard error."""
        note(f"{reason}; connecting again")


class SilentView:
    """Nothing, until the result."""

    def show(self, event: ServerEvent) -> None:
        """Show nothing."""

    def broken(self, reason: str) -> None:
        """Say nothing."""


class LineView:
    """A line for each change of status, and for each tenth of the way."""

    def __init__(self) -> None:
        self._told = ""

    def show(self, event: ServerEvent) -> None:
        """Print a line where there is something new to say."""
        text, key = describe(event), describe(event)
        if event.name == "progress":
            data = event.data
            key = f"progress {10 * data['step'] // data['total'] if data.get('total') else data['step']}"
        if text and key != self._told:
            self._told = key
            note(text)

    def broken(self, reason: str) -> None:
        """Tell it."""
        note(f"{reason}; connecting again")


class BarView:
    """A progress bar."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._task = progress.add_task("queued", total=None)

    def show(self, event: ServerEvent) -> None:
        """Move the bar; log lines scroll above it."""
        if event.name == "progress":
            self._progress.update(
                self._task,
                completed=event.data["step"],
                total=event.data.get("total") or None,
                description="running",
            )
        elif event.name == "log":
            self._progress.console.print(event.data.get("text", ""), markup=False, highlight=False)
        elif text := describe(event):
            self._progress.update(self._task, description=text)
            if event.name == "succeeded":  # progress may be lost on its way; that it is done is known
                self._fill()

    def _fill(self) -> None:
        total = self._progress.tasks[self._task].total or 1
        self._progress.update(self._task, total=total, completed=total)

    def broken(self, reason: str) -> None:
        """Tell it above the bar."""
        self._progress.console.print(f"{reason}; connecting again", markup=False, highlight=False)


def describe(event: ServerEvent) -> str:
    """An event in a few words; nothing for those that only a picture could show."""
    data = event.data
    match event.name:
        case "attempt_failed":
            again = "; it will be tried again" if data.get("retry_at_ms") else ""
            return f"attempt failed: {data.get('error')}: {data.get('message')}{again}"
        case "progress":
            total = f" of {data['total']}" if data.get("total") else ""
            return f"{data.get('unit', 'steps')} {data['step']}{total}"
        case "log":
            return str(data.get("text", ""))
        case name:
            return _WORDS.get(name, name)


_WORDS = {
    "requested": "queued",
    "attempt_started": "running",
    "attempt_yielded": "queued again: its worker stopped",
    "preview": "",
}


def view_for(*, as_json: bool, quiet: bool) -> AbstractContextManager[View]:
    """The view that suits: none, lines, or a bar on a terminal. With `as_json` progress is silent."""
    return _bar() if not (as_json or quiet) and sys.stderr.isatty() else _plain(as_json or quiet)


def wait_for_end(
    connection: Connection, job_id: str, view: View, *, after: str | None = None
) -> dict[str, Any]:
    """Show events until the terminal one and return the job. Raises Unreachable, Refused."""
    for event in follow(connection, job_id, after=after, on_break=view.broken):
        view.show(event)
    job: dict[str, Any] = connection.get(f"/v1/jobs/{job_id}")
    return job


def failure_of(job: dict[str, Any]) -> JobFailed | None:
    """Why a finished job did not succeed, None when it did."""
    if job["status"] == "succeeded":
        return None
    error = job.get("error") or {}
    reason = f": {error.get('code')}: {error.get('message')}" if error else ""
    return JobFailed(
        f"the job {job['status']}{reason}" if job["status"] == "failed" else f"the job was cancelled{reason}"
    )


@contextmanager
def _plain(silent: bool) -> Iterator[View]:
    yield SilentView() if silent else LineView()


@contextmanager
def _bar() -> Iterator[View]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<9}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield BarView(progress)
