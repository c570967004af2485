"""The tools that check the infrastructure code: built or installed once, of pinned versions, into the stack's cache."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.local.stack.cache import Fetch, cache_folder, cached, run_tool
from infrastructure.local.stack.errors import StackFailed
from infrastructure.local.stack.tools import find_go

INFRASTRUCTURE = Path(__file__).resolve().parents[3] / "infrastructure"
REQUIREMENTS = Path(__file__).parent / "requirements"
TFLINT = {
    "tflint": "github.com/terraform-linters/tflint@v0.64.0",
    "tflint-ruleset-aws": "github.com/terraform-linters/tflint-ruleset-aws@v0.48.0",
}
"""The programs by the names that tflint looks for, and the modules that they are built from."""


def tflint() -> Path:
    """Return the folder with `tflint` and its ruleset for AWS, built from Go modules; skips where that can't be.

    Each is built in its own module's folder, so that the digests of what it is made of are those of its own go.sum.
    """

    def fill(folder: Path) -> None:
        go = find_go()
        for name, module in TFLINT.items():
            told = subprocess.run(
                [go, "mod", "download", "-json", module],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            source = json.loads(told.stdout or "{}").get("Dir")
            if source is None:
                raise StackFailed(f"Go could not fetch {module}: {told.stdout}{told.stderr}")
            words = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(folder / name), "."]
            run_tool(words, Path(source), f"Go could not build {module}:", {"CGO_ENABLED": "0"})

    return _had("tflint", json.dumps(TFLINT).encode(), fill)


def python_of(name: str) -> Path:
    """Return a Python that has the packages of `requirements/NAME.txt`; skips where they can't be installed.

    Run them by `-m`: the environment was renamed after it was filled, and programs in it name its former folder.
    """
    pins = REQUIREMENTS / f"{name}.txt"

    def fill(folder: Path) -> None:
        run_tool([sys.executable, "-m", "venv", "."], folder, "Python could not make an environment:")
        words = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(pins)]
        run_tool(words, folder, f"pip could not install {name}:")

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _had(f"{name}-python{version}", pins.read_bytes(), fill) / "bin" / "python"


def copied(folder: Path) -> Path:
    """Copy Terraform's code, and the charts, rules and dashboards that it reads; returns where the code is."""
    left_out = shutil.ignore_patterns(".terraform", "*.tfstate*", ".terraform.lock.hcl", "terraform.tfvars")
    for name in ("terraform", "charts", "observability"):
        shutil.copytree(INFRASTRUCTURE / name, folder / "infrastructure" / name, ignore=left_out)
    return folder / "infrastructure" / "terraform"


def initialised(folder: Path) -> None:
    """Run `terraform init` without a backend; skips where providers can't be had, fails where the code is wrong."""
    done = subprocess.run(
        ["terraform", "init", "-backend=false", "-input=false", "-no-color"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    told = done.stdout + done.stderr
    if done.returncode != 0 and "Failed to query available provider packages" in told:
        missing = sorted(set(re.findall(r"provider\s+(?:registry\.terraform\.io/)?(hashicorp/\w+)", told)))
        pytest.skip(f"these providers can't be had here: {', '.join(missing)}")
    assert done.returncode == 0, told


def _had(name: str, recipe: bytes, fill: Fetch) -> Path:
    try:
        return cached(cache_folder(), name, recipe, fill)
    except StackFailed as error:
        pytest.skip(f"{name} can't be had here: {error}")
