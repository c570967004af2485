"""Finds Java, Maven and Go, and says what to install where they are missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from infrastructure.local.stack.errors import StackFailed

JAVA_FOLDERS = ("/usr/lib/jvm", "/Library/Java/JavaVirtualMachines", "~/.sdkman/candidates/java", "~/.jdks")
"""Where Java installations usually lie, one folder for each."""


def find_java(least: int, wanted_by: str) -> Path:
    """Return the `java` of the newest installation that is there.

    Looked at: EVOKE_STACK_JAVA_HOME alone when it is set, else JAVA_HOME, the PATH and the usual folders.
    Raises StackFailed when none is of version `least` or newer.
    """
    found = {version: java for java in _javas() if (version := _version_of(java)) is not None}
    if not found or max(found) < least:
        there = f"the newest here is Java {max(found)}" if found else "there is none here"
        raise StackFailed(
            f"{wanted_by} needs Java {least} or newer; {there}. Install a JDK (Debian: openjdk-{least}-jre-headless "
            f"or temurin-25-jdk) and name it by EVOKE_STACK_JAVA_HOME where it is not found by itself"
        )
    return found[max(found)]


def find_maven() -> str:
    """Return the path of `mvn`. Raises StackFailed."""
    return _program("mvn", "Maven 3.6 or newer fetches the servers that run on Java", "maven")


def find_go() -> str:
    """Return the path of `go`. Raises StackFailed."""
    return _program("go", "Go 1.25 or newer builds versitygw, the S3 server", "golang")


def _program(name: str, need: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise StackFailed(f"`{name}` is not in the PATH: {need} (Debian: apt-get install {package})")
    return path


def _javas() -> Iterator[Path]:
    if named := os.environ.get("EVOKE_STACK_JAVA_HOME"):
        yield Path(named) / "bin" / "java"
        return
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if path := shutil.which("java"):
        yield Path(path).resolve()
    for folder in JAVA_FOLDERS:
        for pattern in ("*/bin/java", "*/Contents/Home/bin/java"):
            yield from sorted(Path(folder).expanduser().glob(pattern))


def _version_of(java: Path) -> int | None:
    """The major version that the installation's `release` file tells."""
    try:
        release = (java.parents[1] / "release").read_text(encoding="utf-8")
    except OSError:
        return None
    told = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release, re.MULTILINE)
    return int(told[1]) if told and os.access(java, os.X_OK) else None
