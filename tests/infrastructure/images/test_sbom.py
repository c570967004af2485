"""The bill of materials tells what is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from infrastructure.images.sbom import document

SCRIPT = Path(__file__).resolve().parents[3] / "infrastructure" / "images" / "sbom.py"


def test_every_installed_package_is_told_with_its_version() -> None:
    told = document("evoke-api", "1.2.3")
    found = {part["purl"] for part in told["components"]}  # type: ignore[attr-defined]  # a document of JSON
    assert f"pkg:pypi/pydantic-settings@{metadata.version('pydantic-settings')}" in found
    assert f"pkg:pypi/pyyaml@{metadata.version('PyYAML')}" in found
    assert told["metadata"] == {"component": {"type": "container", "name": "evoke-api", "version": "1.2.3"}}


def test_it_runs_by_itself_with_no_package_of_ours() -> None:
    told = subprocess.run(
        [sys.executable, "-S", str(SCRIPT), "a", "1"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert json.loads(told.stdout)["bomFormat"] == "CycloneDX"


def test_a_missing_version_is_refused() -> None:
    told = subprocess.run([sys.executable, str(SCRIPT), "a"], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "usage" in told.stderr
