"""The infrastructure code is well formed, valid, documented, and passes its own tests.

Providers come from the registry, or from a mirror that TF_CLI_CONFIG_FILE names.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from infrastructure.terraform.module_pages import blocks
from tests.infrastructure.terraform.tools import copied, initialised

ROOT = Path(__file__).resolve().parents[3]
TERRAFORM = ROOT / "infrastructure" / "terraform"
MODULES = sorted(path.parent for path in TERRAFORM.rglob("main.tf") if ".terraform" not in path.parts)
TIMEOUT_S = 600

pytestmark = pytest.mark.terraform


def ids(modules: list[Path]) -> list[str]:
    return [str(module.relative_to(TERRAFORM)) for module in modules]


def terraform(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["terraform", *words],
        cwd=folder,
        env={**os.environ, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code in a folder that may be written to, beside what it reads of the repository."""
    return copied(tmp_path)


def test_it_is_formatted() -> None:
    done = terraform(TERRAFORM, "fmt", "-check", "-recursive")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", MODULES, ids=ids(MODULES))
def test_a_module_is_valid_and_passes_its_tests(module: Path, copy: Path) -> None:
    folder = copy / module.relative_to(TERRAFORM)
    initialised(folder)
    for words in (("validate",), ("test",)):
        done = terraform(folder, *words, "-no-color")
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", done.stdout), done.stdout


@pytest.mark.parametrize("module", MODULES, ids=ids(MODULES))
def test_every_variable_is_typed_described_and_refuses_what_is_wrong(module: Path) -> None:
    found = blocks(module / "variables.tf", "variable")
    assert found
    for name, body in found:
        for word in ("type", "description"):
            assert re.search(rf"^  {word}\s+=", body, re.MULTILINE), f"{name} has no {word}"
        yes_or_no = re.search(r"^  type\s+= bool$", body, re.MULTILINE)  # both values of it are fine
        assert yes_or_no or re.search(r"^  validation \{", body, re.MULTILINE), f"{name} takes anything"
        assert name in body.partition("  validation {")[2] or yes_or_no, f"{name} is not what is checked"


@pytest.mark.parametrize("module", MODULES, ids=ids(MODULES))
def test_every_check_of_a_variable_is_tested_by_a_wrong_value(module: Path) -> None:
    tests = "".join(path.read_text() for path in (module / "tests").glob("*.tftest.hcl"))
    expected = " ".join(re.findall(r"expect_failures\s*=\s*\[(.*?)\]", tests, re.DOTALL))
    refused = set(re.findall(r"var\.(\w+)", expected))
    checked = {name for name, body in blocks(module / "variables.tf", "variable") if "validation {" in body}
    assert checked <= refused, checked - refused


@pytest.mark.parametrize("module", MODULES, ids=ids(MODULES))
def test_every_output_is_described(module: Path) -> None:
    for name, body in blocks(module / "outputs.tf", "output"):
        assert re.search(r"^  description\s+=", body, re.MULTILINE), name


@pytest.mark.parametrize("module", MODULES, ids=ids(MODULES))
def test_every_module_has_tests(module: Path) -> None:
    assert list((module / "tests").glob("*.tftest.hcl"))
    assert (module / "versions.tf").exists()


@pytest.mark.parametrize("name", ["development", "production"])
def test_the_pools_of_an_environment_say_what_their_container_serves(name: str) -> None:
    """A pod's options stand in for the image's own, and the diffusers container serves nothing by itself."""
    text = (TERRAFORM / "environments" / name / "variables.tf").read_text()
    pools = re.findall(r"\{[^{}]*container\s*=\s*\"diffusers\"[^{}]*\}", text)
    assert pools
    for pool in pools:
        assert "--model=" in pool


def test_the_cluster_has_a_repository_for_every_image() -> None:
    text = (TERRAFORM / "modules" / "registry" / "variables.tf").read_text()
    listed = re.search(r"default\s+= \[(.*)\]", text)
    assert listed is not None
    images = {path.parent.name for path in (ROOT / "infrastructure" / "images").glob("*/Dockerfile")}
    assert set(re.findall(r'"([\w-]+)"', listed[1])) == images
