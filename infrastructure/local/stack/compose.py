"""`compose.yaml`: the same servers from official images, for people who have Docker. Written by `make docs`.

    python -m infrastructure.local.stack.compose [--check]

Versions, settings, ports and credentials are those of the servers that `evoke stack` starts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from infrastructure.local.stack import nessie, pulsar, trino, trino_rules, versitygw
from infrastructure.local.stack.server import Server, properties

FILE = Path(__file__).parents[1] / "compose.yaml"
HEAD = """\
# The servers of the distributed engine in containers, on the ports of `make stack`, for `make up ENGINE=distributed`:
#
#     docker compose --file infrastructure/local/compose.yaml up --detach --wait
#
# Written by `make docs` from infrastructure/local/stack/: change it there.
"""
S3 = "http://versitygw:7070"
CATALOG = "http://nessie:19120/iceberg/"
ETC = "/etc/trino"


def document() -> dict[str, Any]:
    """Return the Compose file."""
    return {
        "name": "evoke",
        "services": {
            "pulsar": _pulsar(),
            "versitygw": _versitygw(),
            "nessie": _nessie(),
            "trino": _trino(),
        },
        "configs": {name: {"content": text} for name, (_, text) in _trino_files().items()},
        "volumes": {name: {} for name in ("pulsar", "versitygw", "nessie")},
    }


def text() -> str:
    """Return the Compose file as it is kept."""
    return HEAD + yaml.dump(document(), Dumper=_Readable, sort_keys=False, width=110)


def _pulsar() -> dict[str, Any]:
    server = pulsar.SERVER
    command = "bin/apply-config-from-env.py conf/standalone.conf && exec bin/pulsar standalone -nss -nfw"
    told = {f"PULSAR_PREFIX_{name}": str(value) for name, value in pulsar.SETTINGS.items()}
    memory = f"-Xmx{server.heap_mb}m -XX:MaxDirectMemorySize={server.heap_mb}m"
    return {
        "image": pulsar.IMAGE,
        "command": ["sh", "-c", command],
        # Clients are told to come to this address: they are on the host.
        "environment": {**told, "PULSAR_PREFIX_advertisedAddress": "127.0.0.1", "PULSAR_MEM": memory},
        "ports": _ports(server, {"pulsar": 6650, "pulsar-admin": 8080}),
        "volumes": ["pulsar:/pulsar/data"],
        "healthcheck": _health("bin/pulsar-admin namespaces list public | grep -q public/default"),
    }


def _versitygw() -> dict[str, Any]:
    return {
        "image": versitygw.IMAGE,
        "command": versitygw.options(":7070", "/buckets"),
        "environment": dict(versitygw.ENVIRONMENT),
        "ports": _ports(versitygw.SERVER, {"s3": 7070}),
        "volumes": ["versitygw:/buckets"],
        "healthcheck": _health("wget -q -O /dev/null http://127.0.0.1:7070/health"),
    }


def _nessie() -> dict[str, Any]:
    server = nessie.SERVER
    outside = f"http://127.0.0.1:{versitygw.SERVER.ports['s3']}"
    own = {
        **nessie.settings(S3),
        # Evoke is outside, and is told another address of the same server.
        "nessie.catalog.service.s3.default-options.external-endpoint": outside,
        "nessie.version.store.persist.rocks.database-path": "/rocksdb",
        "JAVA_OPTS_APPEND": f"-Xmx{server.heap_mb}m",
    }
    return {
        "image": nessie.IMAGE,
        # A new volume belongs to root.
        "user": "0",
        "environment": {name: str(value) for name, value in own.items()},
        "ports": _ports(server, {"catalog": 19120, "catalog-management": 9000}),
        "volumes": ["nessie:/rocksdb"],
        "depends_on": ["versitygw"],
    }


def _trino() -> dict[str, Any]:
    return {
        "image": trino.IMAGE,
        "ports": _ports(trino.SERVER, {"trino": 8080}),
        "configs": [{"source": name, "target": target} for name, (target, _) in _trino_files().items()],
        # The image's heap is a part of this.
        "mem_limit": f"{2 * trino.SERVER.heap_mb}m",
        "depends_on": ["nessie", "versitygw"],
    }


def _trino_files() -> Mapping[str, tuple[str, str]]:
    """Name of each file of Trino's settings, with its place in the container and its text."""
    rules = f"{ETC}/rules.json"
    return {
        "trino-catalog": (
            f"{ETC}/catalog/{trino.CATALOG}.properties",
            properties(trino.catalog(S3, CATALOG)),
        ),
        "trino-access": (f"{ETC}/access-control.properties", properties(trino.access_control(rules))),
        # Compose reads a dollar as the beginning of a variable's name, and two as one dollar.
        "trino-rules": (rules, trino_rules.rules(trino.CATALOG).replace("$", "$$")),
    }


def _ports(server: Server, inside: Mapping[str, int]) -> list[str]:
    return [f"127.0.0.1:{server.ports[name]}:{number}" for name, number in inside.items()]


def _health(command: str) -> dict[str, Any]:
    return {
        "test": ["CMD-SHELL", command],
        "interval": "5s",
        "timeout": "5s",
        "retries": 24,
        "start_period": "10s",
    }


class _Readable(yaml.SafeDumper):
    """Long texts line by line."""


def _lines(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Readable.add_representer(str, _lines)


def main(arguments: Sequence[str]) -> int:
    """Write the file, or with `--check` compare it; returns the exit code."""
    if "--check" not in arguments:
        FILE.write_text(text(), encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text():
        print(f"{FILE} is out of date: run `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
