"""Builds the images as `make images` does, and runs them as careful operators would.

Settings come from the environment: those of `infrastructure/images/build` (BUILDER, PYTHON_IMAGE, BUILD_FLAGS), and

    IMAGES="api sidecar"   which of the images; default: those without PyTorch
    RUN_FLAGS="..."        more options for `docker run` or `podman run`
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import re
import secrets
import shutil
import subprocess
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ROOT / "infrastructure" / "images"
LIGHT = ("admin", "api", "archiver", "cough", "factorial", "sidecar")
NAMES = (os.environ.get("IMAGES") or " ".join(LIGHT)).split()
MODELS = [name for name in NAMES if name in ("cough", "factorial")]
TAG = "built-by-tests"
CAREFUL = (
    "--network=none",
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
WITHOUT_TIMER = "--no-healthcheck"
"""Tests run the health command themselves; podman would ask systemd for a timer."""

Document = dict[str, Any]


@functools.cache
def builder() -> str:
    """The builder that can run what it builds; skips where there is none."""
    for each in [os.environ["BUILDER"]] if os.environ.get("BUILDER") else ["docker", "podman"]:
        if (
            shutil.which(each)
            and subprocess.run([each, "info"], capture_output=True, check=False).returncode == 0
        ):
            return each
    pytest.skip("neither docker nor podman works here (or what BUILDER names)")


def told(*words: str, deadline_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the builder; what it said, and its exit code."""
    command = [builder(), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=deadline_s)


@functools.cache
def built(name: str) -> str:
    """The image of a process, built from the working tree; its name."""
    environment = {**os.environ, "BUILDER": builder(), "TAG": TAG, "REGISTRY": "localhost"}
    done = subprocess.run(
        [str(IMAGES / "build"), name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return f"localhost/evoke-{name}:{TAG}"


def inspected(image: str) -> Document:
    """What the builder knows of an image."""
    found: Document = json.loads(told("image", "inspect", image).stdout)[0]
    return found


def health_command(image: str) -> list[str]:
    """The words of its health command; docker keeps them in its configuration, podman beside it."""
    found = inspected(image)
    kind, *words = (found.get("Healthcheck") or found["Config"]["Healthcheck"])["Test"]
    assert kind == "CMD", (kind, words)
    return [str(word) for word in words]


def base() -> str:
    """The image that all are built on."""
    named = re.search(r"^ARG PYTHON_IMAGE=(.+)$", (IMAGES / "api" / "Dockerfile").read_text(), re.MULTILINE)
    assert named
    return os.environ.get("PYTHON_IMAGE") or named[1]


def run(
    name: str, *words: str, entrypoint: str = "", flags: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run an image to its end, with a root that is read-only and no network."""
    other = [f"--entrypoint={entrypoint}"] if entrypoint else []
    more = os.environ.get("RUN_FLAGS", "").split()
    return told("run", "--rm", WITHOUT_TIMER, *CAREFUL, *more, *flags, *other, built(name), *words)


def python(name: str, code: str, *flags: str) -> str:
    """Run code with an image's Python; what it printed."""
    done = run(name, "-c", code, entrypoint="python", flags=flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Started:
    """A container that runs, and the socket that it was told to listen at."""

    id: str
    image: str
    socket: Path

    def health(self) -> subprocess.CompletedProcess[str]:
        """The image's own health command, in the container."""
        return told("exec", self.id, *health_command(self.image))

    def wait_until_healthy(self, within_s: float = 60) -> None:
        """Wait; the container's output is in the error when it takes longer."""
        end = time.monotonic() + within_s
        while self.health().returncode != 0:
            logs = told("logs", self.id)
            assert time.monotonic() < end, f"not within {within_s} s: {logs.stdout}{logs.stderr}"
            time.sleep(0.3)

    def signal(self, name: str) -> None:
        """Send a signal to its first process."""
        assert told("kill", f"--signal={name}", self.id).returncode == 0


@contextmanager
def started(name: str) -> Iterator[Started]:
    """A model container from its image with the command that its Dockerfile gives it; its socket is here too."""
    image = built(name)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)  # the container's user is none of this machine's
        identity = f"evoke-test-{secrets.token_hex(4)}"
        more = os.environ.get("RUN_FLAGS", "").split()
        volume = f"--volume={folder}:/run/evoke"
        done = told("run", "--detach", f"--name={identity}", WITHOUT_TIMER, *CAREFUL, *more, volume, image)
        try:
            assert done.returncode == 0, done.stderr
            yield Started(identity, image, Path(folder) / "model.sock")
        finally:
            told("rm", "--force", identity)


@dataclass(frozen=True)
class Size:
    """Bytes of layers: as they lie on a node's disk, and as a registry keeps them."""

    unpacked: int
    compressed: int

    def __add__(self, other: Size) -> Size:
        return Size(self.unpacked + other.unpacked, self.compressed + other.compressed)


def sizes(image: str) -> tuple[Size, Size]:
    """The base's layers of an image, and those that lie over it."""
    below = set(inspected(base())["RootFS"]["Layers"])
    found = {True: Size(0, 0), False: Size(0, 0)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.tar"
        assert told("save", f"--output={file}", image, deadline_s=300).returncode == 0
        with tarfile.open(file) as archive:
            (manifest,) = json.load(_member(archive, "manifest.json"))
            digests = json.load(_member(archive, manifest["Config"]))["rootfs"]["diff_ids"]
            for digest, layer in zip(digests, manifest["Layers"], strict=True):
                found[digest in below] += _size(_member(archive, layer))
    return found[True], found[False]


def _member(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file
    return file


def _size(layer: Any) -> Size:
    start = layer.read(2)
    layer.seek(0)
    content = gzip.GzipFile(fileobj=layer) if start == b"\x1f\x8b" else layer
    packer = zlib.compressobj(6)
    unpacked = compressed = 0
    while block := content.read(1 << 20):
        unpacked += len(block)
        compressed += len(packer.compress(block))
    return Size(unpacked, compressed + len(packer.flush()))
