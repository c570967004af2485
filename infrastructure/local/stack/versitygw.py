"""versitygw: S3 over a directory."""

from __future__ import annotations

import shutil
from pathlib import Path

from infrastructure.local.stack.cache import HERE, cached, run_tool
from infrastructure.local.stack.http import answer
from infrastructure.local.stack.server import (
    ACCESS_KEY,
    BUCKET,
    LOOPBACK,
    REGION,
    SECRET_KEY,
    Launch,
    Ports,
    Server,
)
from infrastructure.local.stack.tools import find_go

VERSION = "1.8.0"
IMAGE = f"versity/versitygw:v{VERSION}"
PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
ENVIRONMENT = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
_MODULE = HERE / "versitygw"


def fetch(cache: Path) -> Path:
    """Build it from source: `go.sum` pins the digest of every module."""
    pins = [(name, (_MODULE / name).read_bytes()) for name in ("go.mod", "go.sum")]

    def fill(folder: Path) -> None:
        source = folder / "source"
        source.mkdir()
        for name, content in pins:
            (source / name).write_bytes(content)
        command = [find_go(), "build", "-mod=readonly", "-o", str(folder / "versitygw"), PACKAGE]
        run_tool(command, source, "Go could not build versitygw. Is the network there? Its last lines:")
        shutil.rmtree(source)

    return cached(cache, f"versitygw-{VERSION}", b"".join(content for _, content in pins), fill)


def launch(files: Path, folder: Path, ports: Ports, heap_mb: int, host: str = LOOPBACK) -> Launch:
    """A bucket is a folder. Deleted and half-written objects do not outlive it: they lie on the same disk."""
    del heap_mb
    (folder / "buckets" / BUCKET).mkdir(parents=True, exist_ok=True)
    command = [str(files / "versitygw"), *options(f"{host}:{ports['s3']}", str(folder / "buckets"))]
    return Launch(command, environment=ENVIRONMENT)


def options(listen: str, buckets: str) -> list[str]:
    """Return the words of its command line in both forms of the stack. buckets: the folder of them."""
    return ["--port", listen, "--region", REGION, "--health", "/health", "posix", buckets]


def ready(ports: Ports, host: str = LOOPBACK) -> bool:
    """It tells by a path of its own."""
    return answer(f"http://{host}:{ports['s3']}/health") is not None


SERVER = Server(
    name="versitygw", version=VERSION, ports={"s3": 7070}, fetch=fetch, launch=launch, ready=ready
)
