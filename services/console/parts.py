"""The parts of pages that show what the API says. Each can be in its page from the start, or be fetched again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from services.console.job_view import view_of, waiting_line, workers_line
from services.console.loopback import Answer, Loopback
from services.console.schema_form import form_of
from services.console.snippets import curl_of, python_of, request_of

GALLERY = 12
PAGE = 30
LETTERS = 50
STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")


class Parts:
    """Renders parts for one request. A refusal of the API becomes a part that says so and offers to try again."""

    def __init__(self, api: Loopback, environment: Environment) -> None:
        self._api = api
        self._environment = environment

    async def form(self, model_id: str, source: str) -> Markup:
        """The form of a model (empty: the default one). source: a job whose input it begins with."""
        models, job = await asyncio.gather(self._api.get("v1", "models"), self._source(source))
        if not models.ok:
            return self._refused(models)
        wanted = model_id or (job["model"] if job else "")
        known = next((m for m in models.items if wanted in (m["id"], *m["aliases"])), None)
        if known is None and wanted:
            return self._refused(await self._api.get("v1", "models", wanted))
        offered = [m for m in models.items if not m["files"]]  # a form takes no files
        model = known if known in offered else next(iter(offered), None)
        given = (
            job["input"] if job is not None and model is not None and job["model"] == model["id"] else None
        )
        form = form_of(model["input_schema"], given) if model is not None else None
        return self._render("form", models=offered, model=model, form=form, source=source if given else "")

    async def gallery(self) -> Markup:
        """The last jobs."""
        return await self._jobs("gallery", limit=str(GALLERY))

    async def rows(self, status: str, model: str, cursor: str) -> Markup:
        """A page of the list of jobs, with the way to the next one."""
        return await self._jobs("rows", limit=str(PAGE), status=status, model=model, cursor=cursor)

    async def filters(self, status: str, model: str) -> Markup:
        """What the list of jobs can be narrowed to."""
        models = await self._api.get("v1", "models")
        return self._render(
            "filters", models=models.items, statuses=STATUSES, chosen_status=status, chosen_model=model
        )

    async def panel(self, job_id: str) -> Markup:
        """One job: where it stands, what came out, what can be done."""
        job, models, queues = await asyncio.gather(
            self._api.get("v1", "jobs", job_id), self._api.get("v1", "models"), self._api.get("v1", "queues")
        )
        if not job.ok:
            return self._refused(job)
        return self._render(
            "panel",
            job=job.document,
            view=view_of(job.document),
            waiting=waiting_line(job.document, queues.items),
            seed_maximum=_seed_maximum(job.document, models.items),
        )

    async def waiting(self, job_id: str) -> str:
        """Why a job waits; empty when it waits no more, or when nobody can tell."""
        job, queues = await asyncio.gather(self._api.get("v1", "jobs", job_id), self._api.get("v1", "queues"))
        if not job.ok or job.document["status"] != "queued":
            return ""
        return waiting_line(job.document, queues.items)

    async def details(self, job_id: str) -> Markup:
        """A job's JSON and the lines that make it again."""
        job = await self._api.get("v1", "jobs", job_id)
        if not job.ok:
            return self._refused(job)
        origin, with_key = self._api.origin, self._api.with_key
        return self._render(
            "details",
            job=job.document,
            text=json.dumps(job.document, indent=2, ensure_ascii=False),
            body=request_of(job.document),
            curl=curl_of(origin, job.document, with_key),
            python=python_of(origin, job.document, with_key),
        )

    async def line(self, model_id: str) -> Markup:
        """One sentence on how busy the line of a model is (empty: the default one's)."""
        queues = await self._api.get("v1", "queues")
        if not queues.ok:
            return self._refused(queues)
        own = [queue for queue in queues.items if not model_id or model_id in queue["models"]][:1]
        workers = sum(queue["workers"] for queue in own)
        waiting = sum(sum(queue["depth"].values()) for queue in own)
        return self._render(
            "line", workers=workers_line({"workers": workers}), idle=not workers, waiting=waiting
        )

    async def queues(self) -> Markup:
        """All queues as a table."""
        queues = await self._api.get("v1", "queues")
        return self._render("queues", queues=queues.items) if queues.ok else self._refused(queues)

    async def letters(self, cursor: str) -> Markup:
        """Dead letters, newest first."""
        letters = await self._api.get("v1", "dlq", limit=str(LETTERS), cursor=cursor)
        if not letters.ok:
            return self._refused(letters)
        document = letters.document
        return self._render(
            "letters", letters=letters.items, next=document["next"], total=document["total"], first=not cursor
        )

    async def _jobs(self, template: str, **query: str) -> Markup:
        jobs = await self._api.get("v1", "jobs", **query)
        if not jobs.ok:
            return self._refused(jobs)
        views = [view_of(job) for job in jobs.items]
        return self._render(template, views=views, next=jobs.document.get("next"), query=query)

    async def _source(self, source: str) -> Mapping[str, Any] | None:
        found = await self._api.get("v1", "jobs", source) if source else None
        return found.document if found is not None and found.ok else None

    def _refused(self, answer: Answer) -> Markup:
        template = "needs_key" if answer.status == 401 else "refused"
        return self._render(template, problem=answer.document, status=answer.status)

    def _render(self, template: str, **values: Any) -> Markup:
        text = self._environment.get_template(f"parts/{template}.html").render(
            **values, with_key=self._api.with_key
        )
        return Markup(text)  # noqa: S704  # rendered by an environment that escapes


def _seed_maximum(job: Mapping[str, Any], models: Sequence[Mapping[str, Any]]) -> int | None:
    model = next((each for each in models if each["id"] == job["model"]), None)
    return form_of(model["input_schema"]).seed_maximum if model is not None else None
