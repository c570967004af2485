"""Every alert has a runbook, a test that makes it fire and one that keeps it silent; generated files are up to date."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infrastructure.observability.generate import files
from infrastructure.observability.local import RULES
from tests.system.processes import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"


def alerts() -> dict[str, dict[str, Any]]:
    groups = [group for path in RULES.glob("*.yaml") for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def expectations() -> list[dict[str, Any]]:
    tests = [
        test
        for path in (RULES / "tests").glob("*.yaml")
        for test in yaml.safe_load(path.read_text())["tests"]
    ]
    return [expected for test in tests for expected in test.get("alert_rule_test", ())]


@pytest.mark.parametrize("fires", [True, False], ids=["fires", "is_silent"])
def test_every_alert_is_tested(fires: bool) -> None:
    tested = {each["alertname"] for each in expectations() if bool(each["exp_alerts"]) is fires}
    assert tested == set(alerts())


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    named = {rule["annotations"]["runbook_url"] for rule in alerts().values()}
    there = {f"docs/runbooks/{path.name}" for path in RUNBOOKS.glob("*.md") if path.name != "README.md"}
    assert named == there


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_where_to_look_and_what_to_do(page: Path) -> None:
    text = page.read_text()
    if page.name != "README.md":
        assert [line for line in text.splitlines() if line.startswith("## ")] == [
            "## What it means",
            "## Where to look",
            "## What to do",
        ]
        assert any(alert in text for alert in alerts())


def test_generated_rules_and_dashboards_are_up_to_date() -> None:
    assert [str(path) for path, text in files().items() if path.read_text() != text] == []


@pytest.mark.prometheus
@pytest.mark.parametrize("path", sorted((RULES / "tests").glob("*.yaml")), ids=lambda path: path.stem)
def test_alerts_fire_and_stay_silent_as_they_should(path: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None, "apt-get install prometheus"
    told = subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
