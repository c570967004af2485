"""An API that says what a test tells it to, with the real console in front, in one application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from services.console.routes import console_router

MODEL = {
    "id": "shapes-64",
    "title": "Shapes 64",
    "aliases": ["shapes"],
    "files": [],
    "description": "Draws shapes.",
    "licence": "Apache-2.0",
    "input_schema": {
        "type": "object",
        "required": ["prompt"],
        "properties": {
            "steps": {"type": "integer", "minimum": 1, "maximum": 150, "default": 20, "title": "Steps"},
            "prompt": {"type": "string", "maxLength": 1000, "title": "Prompt"},
            "seed": {"type": "integer", "minimum": -1, "maximum": 99, "default": -1},
        },
    },
}
QUEUE = {
    "name": "pictures",
    "models": ["shapes-64"],
    "depth": {"interactive": 3, "bulk": 1},
    "delayed": 0,
    "running": 2,
    "oldest_age_s": 75.0,
    "workers": 1,
    "bound": 100,
}
ID = "01890000-0000-7000-8000-000000000001"


def job(**changes: Any) -> dict[str, Any]:
    """A job's document, queued unless changed."""
    return {
        "id": ID,
        "status": "queued",
        "model": "shapes-64",
        "queue": "pictures",
        "lane": "interactive",
        "priority": 0,
        "input": {"prompt": "a red circle", "steps": 20, "seed": -1},
        "metadata": {},
        "created_at": "2026-01-31T12:00:00.000Z",
        "started_at": None,
        "finished_at": None,
        "attempts": 0,
        "seed": None,
        "result": None,
        "timings_ms": {},
        "artifacts": [],
        "error": None,
        "replay_of": None,
        "superseded_by": None,
        "position": "p1",
        "queue_position": 4,
    } | changes


def artifact(media_type: str, **changes: Any) -> dict[str, Any]:
    """An artifact's document."""
    said = {
        "name": "0",
        "media_type": media_type,
        "size_bytes": 5,
        "sha256": "0",
        "url": "/v1/a",
        "details": {},
    }
    return said | changes


def problem(status: int, code: str, detail: str = "it is so") -> tuple[int, dict[str, Any]]:
    """A refusal (RFC 9457)."""
    return status, {"status": status, "code": code, "title": "A title", "detail": detail, "errors": []}


class ScriptedApi:
    """`answers`: status and document, or raw bytes, by path. `asked`: what came, in order."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers: dict[str, Any] = {
            "/v1/models": {"items": [MODEL]},
            "/v1/queues": {"items": [QUEUE]},
            "/v1/jobs": {"items": [], "next": None},
            "/v1/dlq": {"items": [], "next": None, "total": 0},
            f"/v1/jobs/{ID}": job(),
            **(answers or {}),
        }
        self.asked: list[Request] = []
        self.application = FastAPI()
        self.application.include_router(console_router())
        self.application.add_api_route("/v1/{rest:path}", self._answer)

    async def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        said = self.answers.get(request.url.path, problem(404, "not_found"))
        if isinstance(said, bytes):
            return Response(said)
        if said == "never":
            await asyncio.Event().wait()
        status, document = said if isinstance(said, tuple) else (200, said)
        return JSONResponse(document, status)

    async def get(self, address: str, **headers: str) -> httpx.Response:
        """Ask for a page, as a browser would."""
        transport = httpx.ASGITransport(self.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://evoke.test") as client:
            return await client.get(
                address, headers={name.replace("_", "-"): said for name, said in headers.items()}
            )
