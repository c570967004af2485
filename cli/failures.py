"""How a command ends when it does not end well: an exit code, what happened, and what to do."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts can rely on. docs/cli.md lists them."""

    OK = 0
    JOB_FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    INTERRUPTED = 130


class CommandFailed(Exception):
    """A command can't do what was asked. advice: what the user may do about it, one line each."""

    exit_code = ExitCode.JOB_FAILED

    def __init__(self, message: str, *advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class JobFailed(CommandFailed):
    """The job that the command waited for failed or was cancelled."""


class Usage(CommandFailed):
    """What was typed makes no sense; nothing was sent."""

    exit_code = ExitCode.USAGE


class Unreachable(CommandFailed):
    """No evoke answers."""

    exit_code = ExitCode.UNREACHABLE


class Refused(CommandFailed):
    """evoke answered that it won't. status: of HTTP; problem: the members of the RFC 9457 body."""

    exit_code = ExitCode.REFUSED

    def __init__(self, status: int, problem: dict[str, object], *advice: str) -> None:
        detail = problem.get("detail") or problem.get("title") or f"HTTP status {status}"
        super().__init__(str(detail), *(line for line in _fields(problem) if line != detail), *advice)
        self.status = status
        self.problem = problem


def _fields(problem: dict[str, object]) -> list[str]:
    errors = problem.get("errors")
    if not isinstance(errors, list):
        return []
    return [f"{error.get('field')}: {error.get('message')}" for error in errors if isinstance(error, dict)]
