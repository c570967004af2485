"""A real Prometheus that watches the real system: every query of every dashboard and every rule makes sense there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from infrastructure.observability.dashboards.all import DASHBOARDS
from infrastructure.observability.dashboards.writing import Dashboard, Panel
from tests.end_to_end.console.conftest import ARGUMENTS, CHROMIUM
from tests.system.collector import Collector, collecting
from tests.system.processes import ROOT, eventually, free_port
from tests.system.supervised import Up, running_up

pytestmark = [pytest.mark.timeout(500), pytest.mark.prometheus]

PANELS = [
    pytest.param(panel, id=f"{dashboard.uid}-{panel.title.replace(' ', '_')}")
    for dashboard in DASHBOARDS
    for panel in dashboard.panels
]
INTERVAL = "1m"
WINDOWS_OF_RULES = 21


@dataclass
class Watched:
    """An evoke, the Prometheus that scrapes it, and the collector of its traces."""

    up: Up
    url: str
    collector: Collector

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The result of an instant query. Raises HTTPError while Prometheus is away."""
        response = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=30)
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # it starts
            response.raise_for_status()
        answer = response.json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def is_there(self, query: str) -> bool:
        try:
            return bool(self.ask(query))
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with (
        collecting() as collector,
        running_up(folder, "--models", "factorial", EVOKE_OTLP_ENDPOINT=collector.url) as up,
    ):
        up.wait_until_ready()
        port = free_port()
        command = [sys.executable, "-m", "infrastructure.observability", "--data-dir", str(up.data_dir)]
        command += ["--address", f"127.0.0.1:{port}", "--every", "1s"]
        with (folder / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            found = Watched(up, f"http://127.0.0.1:{port}", collector)
            eventually(lambda: found.is_there('count(up{job="evoke"} == 1) == 3'), "every process is scraped")
            _work(up)
            # Upkeep of the archive, which tells of its files, comes once a minute.
            eventually(lambda: found.is_there("evoke_archive_files > 0"), "the archive's files are told", 120)
            _work(up)
            eventually(
                lambda: found.is_there('rate(evoke_jobs_ended_total{status="succeeded"}[1m]) > 0'),
                "rates are there",
            )
            yield found
        finally:
            process.terminate()
            process.wait(20)


def _work(up: Up) -> None:
    for number in range(8):
        body = {"model": "factorial", "input": {"no": 2000 + number}}
        headers = {"prefer": "wait=30"}
        assert httpx.post(f"{up.url}/v1/jobs", json=body, headers=headers, timeout=60).status_code == 200
        httpx.get(f"{up.url}/v1/jobs", timeout=30)


@pytest.mark.parametrize("panel", PANELS)
def test_every_query_of_a_dashboard_is_answered(watched: Watched, panel: Panel) -> None:
    for query in panel.queries.values():
        asked = query.replace("$__rate_interval", INTERVAL).replace("$queue", ".*")
        found = watched.ask(asked)
        assert found or panel.idle, f"nothing there: {asked}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_every_dashboard_is_drawn_without_grafana(
    watched: Watched, chromium: Browser, dashboard: Dashboard
) -> None:
    with chromium.new_page() as page:
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"{watched.url}/consoles/{dashboard.uid}.html")
        page.select_option("#range", "900")
        page.wait_for_function("document.body.dataset.drawn", timeout=60_000)
        assert troubles == []
        assert page.locator(".wrong").all_inner_texts() == []
        assert page.locator("section h3").count() == len(dashboard.panels)
        empty = set(page.locator("section:has(.nothing) h3").all_inner_texts())
        assert empty <= {panel.title for panel in dashboard.panels if panel.idle}, dashboard.uid
        assert page.locator("svg path").count() > 0


def test_every_rule_can_be_evaluated(watched: Watched) -> None:
    def rules() -> list[dict[str, Any]]:
        groups = httpx.get(f"{watched.url}/api/v1/rules", timeout=30).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    eventually(lambda: all(rule["health"] != "unknown" for rule in rules()), "all rules were evaluated")
    assert {rule["health"] for rule in rules()} == {"ok"}
    assert len(rules()) > WINDOWS_OF_RULES
    assert {rule["name"] for rule in rules() if rule.get("state") == "firing"} == set()


def test_figures_lead_to_traces_that_the_collector_has(watched: Watched) -> None:
    def known() -> bool:
        told = httpx.get(
            f"{watched.url}/api/v1/query_exemplars",
            params={"query": "evoke_api_request_seconds_bucket", "start": "0", "end": "4102444800"},
            timeout=30,
        ).json()["data"]
        traces = {each["labels"]["trace_id"] for series in told for each in series["exemplars"]}
        return bool(traces & {span.trace_id for span in list(watched.collector.spans)})

    eventually(known, "an exemplar names a trace")
