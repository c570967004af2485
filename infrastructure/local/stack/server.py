"""What the stack knows of each of its servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REGION = "us-east-1"
ACCESS_KEY = "evoke"
SECRET_KEY = "evoke-local-secret"  # noqa: S105  # of servers on loopback alone, the same on every machine
BUCKET = "evoke"
"""Holds artifacts under `blobs/` and the archive under `archive/`."""

Ports = Mapping[str, int]
"""The number of each port of the whole stack, by name."""


@dataclass(frozen=True)
class Launch:
    """How to start a server. settings: text of files to write first, by path below the server's folder."""

    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """One server. ports: default numbers by name; needs: servers that must be ready first.

    fetch: fetches its files into the cache folder and returns where they are. launch: takes those files, the
    server's own folder, all ports and the heap's bound in MB. ready: asks once whether it serves.
    prepare: does what is done once it is ready.
    """

    name: str
    version: str
    ports: Mapping[str, int]
    fetch: Callable[[Path], Path]
    launch: Callable[[Path, Path, Ports, int], Launch]
    ready: Callable[[Ports], bool]
    heap_mb: int = 0
    needs: Sequence[str] = ()
    prepare: Callable[[Ports], None] | None = None


def properties(values: Mapping[str, object]) -> str:
    """Return settings as the text of a Java properties file."""
    return "".join(f"{name}={value}\n" for name, value in values.items())
