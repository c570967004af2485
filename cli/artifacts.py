"""Saves what a job made."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from cli.connection import Connection
from cli.failures import Usage
from cli.output import note, size

TO_STDOUT = "-"


def check_target(output: str | None) -> None:
    """Raise Usage, before a job is submitted, when nothing can be saved at `output`."""
    if output is None or output == TO_STDOUT:
        return
    path = Path(output)
    if not path.is_dir() and not path.absolute().parent.is_dir():
        raise Usage(f"there is no folder {path.absolute().parent} to save {path.name} in")


def targets(output: Path, artifacts: Sequence[dict[str, Any]]) -> list[Path]:
    """Where each artifact goes: into a folder by its own name, one to the path itself, several numbered from 0."""
    if output.is_dir():
        return [output / _plain_name(artifact["name"]) for artifact in artifacts]
    if len(artifacts) == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{number}{output.suffix}") for number in range(len(artifacts))]


def save(connection: Connection, job: dict[str, Any], output: str) -> list[Path]:
    """Save all artifacts of a job, told on standard error; returns their paths. Raises Usage, Unreachable, Refused."""
    artifacts = job["artifacts"]
    if not artifacts:
        note("the job made no artifacts")
        return []
    if output == TO_STDOUT:
        _write_out(connection, artifacts)
        return []
    paths = targets(Path(output), artifacts)
    for artifact, path in zip(artifacts, paths, strict=True):
        connection.download(artifact["url"], path, artifact["sha256"])
        note(f"saved {path} ({told(artifact)})")
    return paths


def told(artifact: dict[str, Any]) -> str:
    """What an artifact is, in a few words."""
    details = artifact.get("details") or {}
    area = [f"{details['width']} x {details['height']}"] if {"width", "height"} <= details.keys() else []
    return ", ".join([artifact["media_type"], *area, size(artifact["size_bytes"])])


def _plain_name(name: str) -> str:
    """The last part of a name, so that no name leads out of a folder."""
    last = PurePosixPath(name).name
    return last if last not in ("", ".", "..") else "output"


def _write_out(connection: Connection, artifacts: Sequence[dict[str, Any]]) -> None:
    if len(artifacts) > 1:
        raise Usage(
            f"the job made {len(artifacts)} artifacts: name a file or a folder to save them in, not -"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "artifact"
        connection.download(artifacts[0]["url"], path, artifacts[0]["sha256"])
        sys.stdout.buffer.write(path.read_bytes())
        sys.stdout.buffer.flush()
