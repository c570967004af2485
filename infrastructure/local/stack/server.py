"""What the stack knows of each of its servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

REGION = "us-east-1"
ACCESS_KEY = "evoke"
SECRET_KEY = "evoke-local-secret"  # noqa: S105  # of servers that no stranger reaches, the same on every machine
BUCKET = "evoke"
"""Holds artifacts under `blobs/` and the archive under `archive/`."""

LOOPBACK = "127.0.0.1"
"""Where servers listen unless another of this machine's addresses is asked for."""

Ports = Mapping[str, int]
"""The number of each port of the whole stack, by name."""


@dataclass(frozen=True)
class Launch:
    """How to start a server. settings: text of files to write first, by path below the server's folder."""

    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


class Launching(Protocol):
    """Says how to start a server on an address of this machine."""

    def __call__(self, files: Path, folder: Path, ports: Ports, heap_mb: int, host: str = LOOPBACK) -> Launch:
        """files: what was fetched; folder: the server's own; heap_mb: bound; host: where it listens, and is reached."""


class Readiness(Protocol):
    """Asks a server once whether it serves."""

    def __call__(self, ports: Ports, host: str = LOOPBACK) -> bool:
        """host: where it listens."""


@dataclass(frozen=True)
class Server:
    """One server. ports: default numbers by name; needs: servers that it asks, and that are started with it.

    fetch: fetches its files into the cache folder and returns where they are.
    """

    name: str
    version: str
    ports: Mapping[str, int]
    fetch: Callable[[Path], Path]
    launch: Launching
    ready: Readiness
    heap_mb: int = 0
    needs: Sequence[str] = ()


def properties(values: Mapping[str, object]) -> str:
    """Return settings as the text of a Java properties file."""
    return "".join(f"{name}={value}\n" for name, value in values.items())
