"""`evoke doctor`: looks at what can be wrong and says what to do about it."""

from __future__ import annotations

import typer

from cli.options import DEFAULT_URL, AsJson, Url


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Check this machine and the API, and say what to do. Ends with 1 when something is broken."""
    from cli.connection import connect
    from cli.examination import Verdict, examine_api, examine_machine
    from cli.failures import ExitCode
    from cli.output import print_json

    with connect(url) as connection:
        findings = [*examine_machine(url), *examine_api(connection)]
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            print(f"{_MARKS[finding.verdict]} {finding.what}: {finding.found}")
            if finding.advice:
                print(f"       {finding.advice}")
    if any(finding.verdict == Verdict.BROKEN for finding in findings):
        raise typer.Exit(ExitCode.JOB_FAILED)


_MARKS = {"ok": "  ok  ", "warning": " warn ", "broken": "BROKEN"}
