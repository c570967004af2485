"""The version that processes tell is the one that is built."""

from __future__ import annotations

import tomllib
from pathlib import Path

from evoke.version import VERSION

ROOT = Path(__file__).resolve().parents[2]


def test_the_code_knows_its_own_version() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_no_process_of_an_image_asks_for_an_installed_evoke() -> None:
    """Images hold the code and the locked packages of others: asking for the distribution would end the process."""
    asking = [
        path
        for folder in ("evoke", "services", "worker_sidecar", "model_containers")
        for path in (ROOT / folder).rglob("*.py")
        if 'version("evoke")' in path.read_text()
    ]
    assert asking == []
