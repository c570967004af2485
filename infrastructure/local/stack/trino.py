"""Trino: SQL over the archive. Its core and the Iceberg plugin alone, not the 821 MB of all plugins."""

from __future__ import annotations

import platform
import sys
import tarfile
import zipfile
from pathlib import Path

from infrastructure.local.stack import nessie
from infrastructure.local.stack.cache import HERE, cached, check_digests, digests_of
from infrastructure.local.stack.http import answer
from infrastructure.local.stack.maven import copy_artifacts
from infrastructure.local.stack.server import (
    ACCESS_KEY,
    LOOPBACK,
    REGION,
    SECRET_KEY,
    Launch,
    Ports,
    Server,
    properties,
)
from infrastructure.local.stack.tools import find_java
from infrastructure.local.stack.trino_rules import rules

VERSION = "476"
IMAGE = f"trinodb/trino:{VERSION}"
CATALOG = "evoke"
_CORE = f"io.trino:trino-server-core:{VERSION}:tar.gz"
_ICEBERG = f"io.trino:trino-iceberg:{VERSION}:zip"


def catalog(s3: str, rest: str) -> dict[str, object]:
    """The catalog `evoke` in both forms of the stack. s3, rest: URLs of the S3 server and the Iceberg catalog."""
    return {
        "connector.name": "iceberg",
        "iceberg.catalog.type": "rest",
        "iceberg.rest-catalog.uri": rest,
        "iceberg.rest-catalog.warehouse": nessie.WAREHOUSE,
        "fs.native-s3.enabled": "true",
        "s3.endpoint": s3,
        "s3.region": REGION,
        "s3.path-style-access": "true",
        "s3.aws-access-key": ACCESS_KEY,
        "s3.aws-secret-key": SECRET_KEY,
    }


def access_control(rules_file: str) -> dict[str, object]:
    """Who may do what, in both forms of the stack; `trino_rules` says it. rules_file: where the server finds that."""
    return {"access-control.name": "file", "security.config-file": rules_file}


def fetch(cache: Path) -> Path:
    """Fetch and unpack the core and the Iceberg plugin, each checked before."""

    def fill(folder: Path) -> None:
        copy_artifacts([_CORE, _ICEBERG], folder)
        check_digests(folder, digests_of("trino"))
        archive = folder / f"trino-server-core-{VERSION}.tar.gz"
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="tar")  # its digest was checked
        plugin = folder / f"trino-iceberg-{VERSION}.zip"
        server = folder / f"trino-server-core-{VERSION}"
        with zipfile.ZipFile(plugin) as zipped:
            zipped.extractall(server / "plugin")  # noqa: S202  # its digest was checked
        (server / "plugin" / f"trino-iceberg-{VERSION}").rename(server / "plugin" / "iceberg")
        archive.unlink()
        plugin.unlink()

    recipe = (HERE / "digests" / "trino.sha256").read_bytes()
    return cached(cache, f"trino-{VERSION}", recipe, fill) / f"trino-server-core-{VERSION}"


def launch(files: Path, folder: Path, ports: Ports, heap_mb: int, host: str = LOOPBACK) -> Launch:
    """One node, coordinator and worker in one."""
    s3, rest = f"http://{host}:{ports['s3']}", f"http://{host}:{ports['catalog']}/iceberg/"
    config = {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "http-server.http.port": ports["trino"],
        "discovery.uri": f"http://{host}:{ports['trino']}",
        "catalog.management": "static",
        # Beside the queries' memory Trino wants three tenths of the heap for itself.
        "query.max-memory-per-node": f"{heap_mb * 4 // 10}MB",
        "memory.heap-headroom-per-node": f"{heap_mb * 3 // 10}MB",
    }
    node = {
        "node.environment": "local",
        "node.data-dir": folder / "data",
        "node.internal-address": host,
        "node.bind-ip": host,
    }
    files_to_write = {
        "etc/config.properties": properties(config),
        "etc/node.properties": properties(node),
        "etc/log.properties": "io.trino=WARN\nio.airlift=WARN\n",
        "etc/jvm.config": _jvm(heap_mb),
        f"etc/catalog/{CATALOG}.properties": properties(catalog(s3, rest)),
        "etc/access-control.properties": properties(access_control(str(folder / "etc" / "rules.json"))),
        "etc/rules.json": rules(CATALOG),
    }
    # Whether it runs is known by the stack; the launcher would take a zombie of the note's pid for a running server.
    (folder / "data" / "var" / "run" / "launcher.pid").unlink(missing_ok=True)
    java = find_java(24, "Trino")
    command = [str(files / "bin" / _platform() / "launcher"), "run", "--etc-dir", str(folder / "etc")]
    path = {"JAVA_HOME": str(java.parents[1]), "PATH": f"{java.parent}:/usr/bin:/bin"}
    return Launch(command, files_to_write, path)


def _platform() -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{sys.platform}-{machine}"


def _jvm(heap_mb: int) -> str:
    lines = (
        "-server",
        f"-Xmx{heap_mb}m",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:ReservedCodeCacheSize=150M",
        "-Djdk.attach.allowAttachSelf=true",
        "-Dfile.encoding=UTF-8",
        "--add-modules=jdk.incubator.vector",
    )
    return "\n".join(lines) + "\n"


def ready(ports: Ports, host: str = LOOPBACK) -> bool:
    """It says itself when it has started."""
    info = answer(f"http://{host}:{ports['trino']}/v1/info")
    return info is not None and b'"starting":false' in info


SERVER = Server(
    name="trino",
    version=VERSION,
    ports={"trino": 8181},
    fetch=fetch,
    launch=launch,
    ready=ready,
    heap_mb=1024,
    needs=("versitygw", "nessie"),
)
