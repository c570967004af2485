"""Apache Pulsar: broker, storage and metadata in one process."""

from __future__ import annotations

from pathlib import Path

from infrastructure.local.stack.cache import HERE, cached, check_digests, digests_of
from infrastructure.local.stack.http import answer
from infrastructure.local.stack.maven import copy_dependencies
from infrastructure.local.stack.server import LOOPBACK, Launch, Ports, Server, properties
from infrastructure.local.stack.tools import find_java

VERSION = "4.2.4"
SETTINGS = {
    "clusterName": "standalone",
    "managedLedgerDefaultEnsembleSize": 1,
    "managedLedgerDefaultWriteQuorum": 1,
    "managedLedgerDefaultAckQuorum": 1,
    # A worker that hangs, or whose network does, loses its requests after five to ten seconds.
    "keepAliveIntervalSeconds": 5,
    # A topic that nobody reads at the moment is still the log.
    "brokerDeleteInactiveTopicsEnabled": "false",
    "functionsWorkerEnabled": "false",
    "webSocketServiceEnabled": "false",
}
"""What the broker is told in both forms of the stack."""

_POM = HERE / "pulsar.xml"
_OPENED = (
    *(f"java.base/{name}" for name in ("sun.net", "java.lang", "java.util", "java.util.zip", "java.io")),
    *(f"java.base/{name}" for name in ("java.nio", "jdk.internal.misc", "jdk.internal.platform")),
    "java.base/jdk.internal.loader",
    "java.management/sun.management",
    "jdk.management/com.sun.management.internal",
)
_LOGGING = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="console"><PatternLayout pattern="%d{ISO8601} %-5p %c{1} %m%n"/></Console>
  </Appenders>
  <Loggers><Root level="warn"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""


def fetch(cache: Path) -> Path:
    """Fetch the broker's jars, and check each."""

    def fill(folder: Path) -> None:
        copy_dependencies(_POM, folder)
        check_digests(folder, digests_of("pulsar"))

    recipe = _POM.read_bytes() + (HERE / "digests" / "pulsar.sha256").read_bytes()
    return cached(cache, f"pulsar-{VERSION}", recipe, fill)


IMAGE = f"apachepulsar/pulsar:{VERSION}"


def launch(files: Path, folder: Path, ports: Ports, heap_mb: int, host: str = LOOPBACK) -> Launch:
    """Standalone, without functions and stream storage."""
    own = {
        **SETTINGS,
        "brokerServicePort": ports["pulsar"],
        "webServicePort": ports["pulsar-admin"],
        "bindAddress": host,
        "advertisedAddress": host,
        "metadataStoreUrl": "",
    }
    opened = [word for name in _OPENED for word in ("--add-opens", f"{name}=ALL-UNNAMED")]
    memory = [f"-Xmx{heap_mb}m", f"-XX:MaxDirectMemorySize={heap_mb}m", "-XX:+ExitOnOutOfMemoryError"]
    command = [
        *(str(find_java(17, "Pulsar")), *memory, *opened),
        "-Dio.netty.tryReflectionSetAccessible=true",
        f"-Dlog4j.configurationFile={folder / 'log4j2.xml'}",
        *("-cp", f"{files}/*", "org.apache.pulsar.PulsarStandaloneStarter"),
        *("--config", str(folder / "standalone.conf"), "-nss", "-nfw"),
        *("--metadata-dir", str(folder / "metadata"), "--bookkeeper-dir", str(folder / "bookkeeper")),
        *("--bookkeeper-port", str(ports["pulsar-bookkeeper"])),
    ]
    return Launch(command, {"standalone.conf": properties(own), "log4j2.xml": _LOGGING})


def ready(ports: Ports, host: str = LOOPBACK) -> bool:
    """The last thing that a standalone broker does at its start is making the namespace `public/default`."""
    namespaces = answer(f"http://{host}:{ports['pulsar-admin']}/admin/v2/namespaces/public")
    return namespaces is not None and b"public/default" in namespaces


SERVER = Server(
    name="pulsar",
    version=VERSION,
    ports={"pulsar": 6650, "pulsar-admin": 8180, "pulsar-bookkeeper": 3181},
    fetch=fetch,
    launch=launch,
    ready=ready,
    heap_mb=512,
)
