"""Files from Maven's central repository, by the machine's own Maven and its own configuration."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from infrastructure.local.stack.cache import run_tool
from infrastructure.local.stack.tools import find_maven

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_FAILURE = "Maven could not fetch {what}. Is the network there? Its last lines:"


def copy_artifacts(artifacts: Sequence[str], folder: Path) -> None:
    """Put these artifacts (`group:artifact:version:type[:classifier]`) into the folder. Raises StackFailed."""
    for artifact in artifacts:
        _maven(folder, f"{PLUGIN}:copy", [f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"], artifact)


def copy_dependencies(pom: Path, folder: Path) -> None:
    """Put all that a project needs at run time into the folder. Raises StackFailed."""
    arguments = ["-f", str(pom), f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    _maven(folder, f"{PLUGIN}:copy-dependencies", arguments, f"what {pom.name} names")


def _maven(folder: Path, goal: str, arguments: Sequence[str], what: str) -> None:
    """Large files would lie in the user's repository for ever: a repository of its own is removed again."""
    repository = folder.parent / f"{folder.name}.maven"
    options = ["--batch-mode", "--quiet", f"-Dmaven.repo.local={repository}"]
    run_tool([find_maven(), *options, goal, *arguments], folder, _FAILURE.format(what=what))
    shutil.rmtree(repository, ignore_errors=True)
