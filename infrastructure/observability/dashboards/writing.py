"""Dashboards in a few words each, written by Grafana's own typed builders so that what comes out is of its schema."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from grafana_foundation_sdk.builders import common, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

WIDTH = 24
_NUMBER = {"wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard"}
Kind = Literal["lines", "number", "table"]


@dataclass(frozen=True)
class Panel:
    """One picture. queries: legend → PromQL. unit: of Grafana (`s`, `bytes`, `reqps`, `percentunit`, `short`).

    idle: true when nothing need be there on a healthy system at rest (failures, GPUs).
    """

    title: str
    said: str
    queries: dict[str, str]
    unit: str = "short"
    width: int = 12
    kind: Kind = "lines"
    idle: bool = False


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard. variables: name → PromQL `label_values(...)`. note: Markdown above it. job: ask for a job's id."""

    uid: str
    title: str
    said: str
    rows: tuple[Row, ...]
    variables: dict[str, str] = field(default_factory=dict)
    note: str = ""
    job: bool = False

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All pictures, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)


def json_of(dashboard: Dashboard) -> str:
    """The dashboard as the JSON that Grafana loads."""
    built = (
        grafana.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.said)
        .tags(["evoke"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(grafana.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    if dashboard.job:
        built.with_variable(grafana.TextBoxVariable("job").label("Job").default_value(""))
    for name, query in dashboard.variables.items():
        built.with_variable(
            grafana.QueryVariable(name)
            .label(name.capitalize())
            .query(query)
            .datasource(_source())
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".*")
        )
    if dashboard.note:
        built.with_panel(text.Panel().title("").content(dashboard.note).height(5).span(WIDTH))
    for row in dashboard.rows:
        built.with_row(grafana.Row(row.title))
        for panel in row.panels:
            built.with_panel(_panel(panel))
    written = _of_newer_grafana(json.loads(JSONEncoder(sort_keys=True).encode(built.build())))
    return json.dumps(written, indent=1, sort_keys=True) + "\n"


def _of_newer_grafana(written: dict[str, Any]) -> dict[str, Any]:
    """Say what newer schemas ask for, and leave out what they no longer have; Grafana 10 takes both."""
    written.pop("style", None)
    for variable in written["templating"]["list"]:
        variable.pop("id", None)
    for panel in written["panels"]:
        if panel["type"] == "stat":
            panel["options"] |= _NUMBER
    return written


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel | table.Panel:
    made: stat.Panel | timeseries.Panel | table.Panel
    if panel.kind == "number":
        made = stat.Panel().color_mode(common_models.BigValueColorMode.NONE).height(4)
    elif panel.kind == "table":
        made = table.Panel().height(8)
    else:
        legend = common.VizLegendOptions().show_legend(True).placement(common_models.LegendPlacement.BOTTOM)
        made = timeseries.Panel().fill_opacity(10).line_width(1).legend(legend).min(0).height(8)
    made = (
        made.title(panel.title)
        .description(panel.said)
        .unit(panel.unit)
        .span(panel.width)
        .datasource(_source())
    )
    for place, (legend_format, query) in enumerate(panel.queries.items()):
        target = prometheus.Dataquery().expr(query).legend_format(legend_format).datasource(_source())
        target.ref_id(chr(ord("A") + place))
        if panel.kind == "lines":
            target.range().exemplar("_bucket" in query)
        else:
            target.instant()
        made.with_target(target)
    return made


def _source() -> models.DataSourceRef:
    return models.DataSourceRef(type_val="prometheus", uid="${datasource}")
