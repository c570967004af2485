"""The dashboards' pages hold the dashboards, link to each other, and are no trap for Prometheus' templates."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infrastructure.observability.dashboards.all import DASHBOARDS
from infrastructure.observability.dashboards.writing import Dashboard
from infrastructure.observability.pages import page, write_pages

DATA = re.compile(r"const DASHBOARD = (.*);</script>")


def test_every_dashboard_has_a_page_and_the_first_is_the_overview(tmp_path: Path) -> None:
    names = write_pages(tmp_path)
    assert names[0] == "evoke-overview"
    assert set(names) == {dashboard.uid for dashboard in DASHBOARDS}
    assert (tmp_path / "index.html").read_text() == (tmp_path / "evoke-overview.html").read_text()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_a_page_is_drawn_from_what_grafana_loads(tmp_path: Path, dashboard: Dashboard) -> None:
    names = write_pages(tmp_path)
    uid = dashboard.uid
    text = (tmp_path / f"{uid}.html").read_text()
    found = DATA.search(text)
    assert found is not None
    grafana = (
        Path(__file__).resolve().parents[3] / "infrastructure" / "observability" / "grafana" / f"{uid}.json"
    )
    assert json.loads(found[1]) == json.loads(grafana.read_text())
    assert re.findall(r'href="([\w-]+)\.html"', text) == names
    assert "{{" not in text


def test_a_dashboard_can_not_end_its_script_or_begin_a_template() -> None:
    evil = {"title": "evoke / <b>", "panels": [{"title": "</script><script>{{ query }}"}]}
    text = page("evil", {"evil": evil}, ["evil"])
    found = DATA.search(text)
    assert found is not None
    assert json.loads(found[1]) == evil
    assert "{{" not in text
    assert text.count("</script>") == 2
    assert "<b>" not in text
