"""Pages that show the dashboards without Grafana: Prometheus serves them itself, as its console templates.

They are drawn from the very JSON that Grafana loads, so that what a dashboard asks can be looked at on a laptop.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DASHBOARDS = HERE / "grafana"
_VIEWER = HERE / "viewer"


def write_pages(folder: Path) -> list[str]:
    """Write a page for each dashboard, and `index.html` for the first; returns their names, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS.glob("*.json")}
    order = sorted(found, key=lambda name: (name != "evoke-overview", name))
    for name in order:
        (folder / f"{name}.html").write_text(page(name, found, order), encoding="utf-8")
    (folder / "index.html").write_text(page(order[0], found, order), encoding="utf-8")
    return order


def page(name: str, dashboards: dict[str, dict[str, Any]], order: list[str]) -> str:
    """One dashboard's page, with links to the others. Prometheus reads it as a template of Go: no `{{` may be in it."""
    links = "".join(
        f'<a href="{each}.html"{" class=here" if each == name else ""}>'
        f"{html.escape(dashboards[each]['title'].removeprefix('evoke / '))}</a>"
        for each in order
    )
    text = (_VIEWER / "page.html").read_text(encoding="utf-8")
    for mark, content in (
        ("%TITLE%", html.escape(dashboards[name]["title"])),
        ("%LINKS%", links),
        ("%STYLE%", (_VIEWER / "style.css").read_text(encoding="utf-8")),
        ("%SCRIPT%", (_VIEWER / "viewer.js").read_text(encoding="utf-8")),
        ("%DATA%", _script(dashboards[name])),
    ):
        text = text.replace(mark, content, 1)
    return text


def _script(value: dict[str, Any]) -> str:
    """JSON that neither ends a script nor begins an action of a template."""
    return json.dumps(value).replace("<", r"\u003c").replace("{{", r"\u007b\u007b")
