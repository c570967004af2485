"""The console: the pages that people see. Reads are rendered here from what the public API says; everything
that changes something goes from the browser straight to the public API.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from jinja2 import Environment
from starlette.responses import Response

from services.console.loopback import Loopback
from services.console.pages import environment, html, page
from services.console.parts import Parts
from services.console.static_files import StaticFiles

_Text = Annotated[str, Query(max_length=300)]


def console_router() -> APIRouter:
    """Pages at `/`, their parts at `/console/…`, their files at `/static/…`. Needs the API in the same application."""
    router = APIRouter()
    templates = environment()
    _add_pages(router, templates)
    _add_parts(router, templates)
    _add_files(router)
    return router


def _add_pages(router: APIRouter, templates: Environment) -> None:
    @router.get("/")
    async def create(request: Request, model: _Text = "", source: _Text = "") -> Response:
        parts = Parts(Loopback(request), templates)
        form, gallery, line = await asyncio.gather(
            parts.form(model, source), parts.gallery(), parts.line(model)
        )
        return page(
            templates, "create", "/", form=form, gallery=gallery, line=line, model=model, source=source
        )

    @router.get("/jobs")
    async def jobs(request: Request, status: _Text = "", model: _Text = "") -> Response:
        parts = Parts(Loopback(request), templates)
        filters, rows = await asyncio.gather(parts.filters(status, model), parts.rows(status, model, ""))
        return page(templates, "jobs", "/jobs", filters=filters, rows=rows)

    @router.get("/jobs/{job_id}")
    async def job(request: Request, job_id: str) -> Response:
        parts = Parts(Loopback(request), templates)
        panel, details = await asyncio.gather(parts.panel(job_id), parts.details(job_id))
        return page(templates, "job", "/jobs", job_id=job_id, panel=panel, details=details)

    @router.get("/queues")
    async def queues(request: Request) -> Response:
        table = await Parts(Loopback(request), templates).queues()
        return page(templates, "queues", "/queues", table=table)

    @router.get("/dead-letters")
    async def letters(request: Request) -> Response:
        table = await Parts(Loopback(request), templates).letters("")
        return page(templates, "dead_letters", "/dead-letters", table=table)


def _add_parts(router: APIRouter, templates: Environment) -> None:
    @router.get("/console/form")
    async def form(request: Request, model: _Text = "", source: _Text = "") -> Response:
        return html(await Parts(Loopback(request), templates).form(model, source))

    @router.get("/console/gallery")
    async def gallery(request: Request) -> Response:
        return html(await Parts(Loopback(request), templates).gallery())

    @router.get("/console/rows")
    async def rows(request: Request, status: _Text = "", model: _Text = "", cursor: _Text = "") -> Response:
        return html(await Parts(Loopback(request), templates).rows(status, model, cursor))

    @router.get("/console/filters")
    async def filters(request: Request, status: _Text = "", model: _Text = "") -> Response:
        return html(await Parts(Loopback(request), templates).filters(status, model))

    @router.get("/console/jobs/{job_id}")
    async def panel(request: Request, job_id: str) -> Response:
        return html(await Parts(Loopback(request), templates).panel(job_id))

    @router.get("/console/jobs/{job_id}/waiting")
    async def waiting(request: Request, job_id: str) -> Response:
        said = await Parts(Loopback(request), templates).waiting(job_id)
        return html(templates.from_string("{{ said }}").render(said=said)) if said else html("", 204)

    @router.get("/console/jobs/{job_id}/details")
    async def details(request: Request, job_id: str) -> Response:
        return html(await Parts(Loopback(request), templates).details(job_id))

    @router.get("/console/line")
    async def line(request: Request, model: _Text = "") -> Response:
        return html(await Parts(Loopback(request), templates).line(model))

    @router.get("/console/queues")
    async def queues(request: Request) -> Response:
        return html(await Parts(Loopback(request), templates).queues())

    @router.get("/console/letters")
    async def letters(request: Request, cursor: _Text = "") -> Response:
        return html(await Parts(Loopback(request), templates).letters(cursor))


def _add_files(router: APIRouter) -> None:
    files = StaticFiles()

    @router.get("/static/{name:path}")
    async def file(request: Request, name: str) -> Response:
        return files.answer(name, request.headers.get("if-none-match"))

    @router.get("/favicon.ico")
    async def favicon(request: Request) -> Response:
        return files.answer("favicon.svg", request.headers.get("if-none-match"))
