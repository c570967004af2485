"""Templates, and the headers that every page of the console is sent with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from services.console.job_view import duration_of, size_of

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
NAVIGATION = (
    ("/", "Create"),
    ("/jobs", "Jobs"),
    ("/queues", "Queues"),
    ("/dead-letters", "Dead letters"),
)


def environment() -> Environment:
    """The templates. Everything is escaped; a name that a template misspells is an error, not a blank."""
    made = Environment(
        loader=PackageLoader("services.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["clock"] = clock
    made.filters["size"] = size_of
    made.filters["duration"] = duration_of
    made.globals["navigation"] = NAVIGATION
    return made


def html(text: str, status: int = 200) -> HTMLResponse:
    """A page, or a part of one."""
    return HTMLResponse(text, status, HEADERS)


def clock(timestamp: str | None) -> str:
    """A time of the API's (RFC 3339) for people without JavaScript; with it, pages show the local time."""
    if not timestamp:
        return ""
    return datetime.fromisoformat(timestamp).strftime("%Y-%m-%d %H:%M:%S UTC")


def page(made: Environment, template: str, here: str, **values: Any) -> HTMLResponse:
    """A whole page. here: the entry of the navigation that it belongs to."""
    return html(made.get_template(f"{template}.html").render(here=here, **values))
