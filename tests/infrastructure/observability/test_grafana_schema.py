"""Dashboards are of Grafana's schema: a program of another language and a newer Grafana reads them strictly."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infrastructure.local.stack.cache import cache_folder, cached, run_tool
from infrastructure.local.stack.errors import StackFailed
from infrastructure.local.stack.tools import find_go
from infrastructure.observability.pages import DASHBOARDS

SOURCE = Path(__file__).parent / "grafana_schema"
FILES = ("go.mod", "go.sum", "main.go")

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def checker() -> Path:
    """The program, built once; skips where Go or its modules can't be had."""
    recipe = {name: (SOURCE / name).read_bytes() for name in FILES}

    def fill(folder: Path) -> None:
        source = folder / "source"
        source.mkdir()
        for name, content in recipe.items():
            (source / name).write_bytes(content)
        words = [find_go(), "build", "-mod=readonly", "-o", str(folder / "check"), "."]
        run_tool(words, source, "Go could not build the reader of dashboards:", {"CGO_ENABLED": "0"})

    try:
        return cached(cache_folder(), "grafana-schema", b"".join(recipe.values()), fill) / "check"
    except StackFailed as error:
        pytest.skip(f"Grafana's types can't be had here: {error}")


def told(checker: Path, *paths: Path) -> str:
    done = subprocess.run([checker, *paths], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == (1 if done.stdout else 0), done.stderr
    return done.stdout


def test_every_dashboard_is_of_grafanas_schema(checker: Path) -> None:
    paths = sorted(DASHBOARDS.glob("*.json"))
    assert paths
    assert told(checker, *paths) == ""


def lose_an_expression(dashboard: dict[str, Any]) -> None:
    panel = next(each for each in dashboard["panels"] if each["type"] == "timeseries")
    panel["targets"][0]["expression"] = panel["targets"][0].pop("expr")


def misspell_an_option(dashboard: dict[str, Any]) -> None:
    panel = next(each for each in dashboard["panels"] if each["type"] == "timeseries")
    panel["fieldConfig"]["defaults"]["custom"]["lineWidht"] = 1


def say_a_width_in_words(dashboard: dict[str, Any]) -> None:
    dashboard["panels"][1]["gridPos"]["w"] = "wide"


@pytest.mark.parametrize("wrong", [lose_an_expression, misspell_an_option, say_a_width_in_words])
def test_what_is_not_of_it_is_told(
    checker: Path, tmp_path: Path, wrong: Callable[[dict[str, Any]], None]
) -> None:
    dashboard = json.loads((DASHBOARDS / "evoke-overview.json").read_text())
    wrong(dashboard)
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(dashboard))
    assert "wrong.json" in told(checker, path)
