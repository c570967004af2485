"""`make images` names, tags and loads each image, with whatever builder is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "infrastructure" / "images" / "build"


@pytest.fixture
def builder(tmp_path: Path) -> Path:
    """A builder that writes down what it was told."""
    path = tmp_path / "builder"
    path.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/told\n')
    path.chmod(0o755)
    return path


def build(builder: Path, *names: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "BUILDER": str(builder), **settings}
    return subprocess.run([str(SCRIPT), *names], env=environment, capture_output=True, text=True, check=False)


def told(builder: Path) -> list[str]:
    return (builder.parent / "told").read_text().splitlines()


def test_an_image_is_built_from_its_file_under_its_name(builder: Path) -> None:
    done = build(builder, "sidecar", REGISTRY="registry.example/evoke", TAG="1.2.3")
    assert done.returncode == 0, done.stderr
    (line,) = told(builder)
    assert "--tag registry.example/evoke/evoke-sidecar:1.2.3" in line
    assert line.endswith("--file infrastructure/images/sidecar/Dockerfile .")
    assert "images: registry.example/evoke/evoke-sidecar:1.2.3" in done.stdout


def test_all_are_built_when_none_is_named(builder: Path) -> None:
    assert build(builder).returncode == 0
    built = {match[1] for line in told(builder) if (match := re.search(r"images/(\w+)/Dockerfile", line))}
    assert built == {path.parent.name for path in SCRIPT.parent.glob("*/Dockerfile")}
    assert ":latest" not in " ".join(told(builder))


def test_each_is_loaded_after_it_is_built(builder: Path) -> None:
    build(builder, "api", "sidecar", TAG="t", LOAD=f"{builder} load")
    words = [line.split()[0] for line in told(builder)]
    assert words == ["build", "load", "build", "load"]
    assert told(builder)[1] == "load localhost/evoke-api:t"


def test_the_base_can_be_pinned(builder: Path) -> None:
    build(builder, "api", PYTHON_IMAGE="python@sha256:0")
    assert "--build-arg PYTHON_IMAGE=python@sha256:0" in told(builder)[0]


def test_a_builder_whose_server_does_not_answer_is_passed_over(tmp_path: Path) -> None:
    for name, code in (("docker", 1), ("podman", 0)):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\n[ "$1" != info ] || exit {code}\necho "{name} $@" >>{tmp_path}/told\n')
        path.chmod(0o755)
    tools = {name: shutil.which(name) or name for name in ("sed", "git", "tr", "ls", "dirname")}
    for name, path_ in tools.items():
        (tmp_path / name).symlink_to(path_)
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT), "api"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = (tmp_path / "told").read_text().splitlines()
    assert line.startswith("podman build --format docker")


def test_an_image_that_there_is_not_is_told(builder: Path) -> None:
    done = build(builder, "apy")
    assert done.returncode == 2
    assert "infrastructure/images/apy/Dockerfile" in done.stderr


def test_a_build_that_fails_stops_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "builder"
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(0o755)
    done = build(path, "api", "sidecar")
    assert done.returncode == 3
    assert "images:" not in done.stdout
