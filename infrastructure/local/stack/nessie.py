"""Nessie: the Iceberg REST catalog."""

from __future__ import annotations

from pathlib import Path

from infrastructure.local.stack.cache import HERE, cached, check_digests, digests_of
from infrastructure.local.stack.http import answer
from infrastructure.local.stack.maven import copy_artifacts
from infrastructure.local.stack.server import (
    ACCESS_KEY,
    BUCKET,
    LOOPBACK,
    REGION,
    SECRET_KEY,
    Launch,
    Ports,
    Server,
    properties,
)
from infrastructure.local.stack.tools import find_java

VERSION = "0.99.0"
IMAGE = f"ghcr.io/projectnessie/nessie:{VERSION}"
WAREHOUSE = "evoke"
JAR = f"nessie-quarkus-{VERSION}-runner.jar"


def settings(s3: str) -> dict[str, object]:
    """What the catalog is told in both forms of the stack. s3: URL of the S3 server as clients and Nessie see it."""
    options = "nessie.catalog.service.s3.default-options"
    secret = "evoke-s3"  # noqa: S105  # a name, by which the catalog finds the key below
    return {
        "nessie.version.store.type": "ROCKSDB",
        "nessie.catalog.default-warehouse": WAREHOUSE,
        f"nessie.catalog.warehouses.{WAREHOUSE}.location": f"s3://{BUCKET}/archive",
        f"{options}.endpoint": s3,
        f"{options}.path-style-access": "true",
        f"{options}.region": REGION,
        f"{options}.access-key": f"urn:nessie-secret:quarkus:{secret}",
        f"{secret}.name": ACCESS_KEY,
        f"{secret}.secret": SECRET_KEY,
        "nessie.server.authentication.enabled": "false",
        "quarkus.log.level": "WARN",
    }


def fetch(cache: Path) -> Path:
    """Fetch the server's jar, and check it."""

    def fill(folder: Path) -> None:
        copy_artifacts([f"org.projectnessie.nessie:nessie-quarkus:{VERSION}:jar:runner"], folder)
        check_digests(folder, digests_of("nessie"))

    return cached(cache, f"nessie-{VERSION}", (HERE / "digests" / "nessie.sha256").read_bytes(), fill)


def launch(files: Path, folder: Path, ports: Ports, heap_mb: int, host: str = LOOPBACK) -> Launch:
    """Quarkus reads `config/application.properties` of the working folder."""
    own = {
        **settings(f"http://{host}:{ports['s3']}"),
        "nessie.version.store.persist.rocks.database-path": folder / "rocksdb",
        "quarkus.http.host": host,
        "quarkus.http.port": ports["catalog"],
        "quarkus.management.host": "127.0.0.1",
        "quarkus.management.port": ports["catalog-management"],
    }
    command = [str(find_java(21, "Nessie")), f"-Xmx{heap_mb}m", "-jar", str(files / JAR)]
    return Launch(command, {"config/application.properties": properties(own)})


def ready(ports: Ports, host: str = LOOPBACK) -> bool:
    """It serves once it answers the first question of every Iceberg client."""
    return answer(f"http://{host}:{ports['catalog']}/iceberg/v1/config?warehouse={WAREHOUSE}") is not None


SERVER = Server(
    name="nessie",
    version=VERSION,
    ports={"catalog": 19120, "catalog-management": 19121},
    fetch=fetch,
    launch=launch,
    ready=ready,
    heap_mb=256,
    needs=("versitygw",),
)
