"""Where the figures of a running evoke are, for Prometheus: a file that its `file_sd_configs` reads."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec

from services.standalone.plan import Command

FILE = "metrics-targets.json"


def free_metrics_port(host: str) -> int:
    """A port that was free on that address a moment ago."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def write_targets(data_dir: Path, host: str, api_port: int, commands: Sequence[Command]) -> Path:
    """Write the addresses of all processes that serve figures; return the file's path."""
    groups = [_group("api", host, api_port)]
    for command in commands:
        port = command.environment.get("EVOKE_METRICS_PORT", "0")
        if command.name != "api" and command.address is None and port != "0":
            groups.append(_group(command.name.partition(":")[0], host, int(port)))
    path = data_dir / FILE
    draft = path.with_suffix(".draft")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(groups)))
    os.replace(draft, path)  # a reader never sees half of it
    return path


def _group(process: str, host: str, port: int) -> dict[str, object]:
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  # nothing is bound here
    return {"targets": [f"{reached}:{port}"], "labels": {"process": process}}
