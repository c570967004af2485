"""The ASGI application: the table of operations first, pages and files by FastAPI behind it."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from services.api.context import Context
from services.api.dead_letters import DeadLetters
from services.api.dispatch import Dispatch, problem_reply
from services.api.input_files import InputFiles
from services.api.listing import Listing
from services.api.lookup import Lookup
from services.api.problems import Refusal
from services.api.routes.artifacts import ArtifactRoutes
from services.api.routes.audio import audio_doors
from services.api.routes.diagnosis import DiagnosisRoutes
from services.api.routes.dlq import DlqRoutes
from services.api.routes.docs import DocumentRoutes
from services.api.routes.events import EVENT_SOCKETS, EventRoutes, EventSocket
from services.api.routes.factorial import FactorialRoutes
from services.api.routes.files import FileRoutes
from services.api.routes.health import HealthRoutes
from services.api.routes.images import image_door
from services.api.routes.jobs import JobRoutes
from services.api.routes.models import ModelRoutes
from services.api.routes.query import QueryRoutes
from services.api.submission import Submissions


class Application(FastAPI):
    """Answers the operations by itself, since they are hot, and leaves everything else to FastAPI."""

    def __init__(self, dispatch: Dispatch) -> None:
        super().__init__(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        self._dispatch = dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "http":
            found = self._dispatch.find(scope["path"])
            if found is not None:
                await self._dispatch.answer(*found, scope, receive, send)
                return
        await super().__call__(scope, receive, send)


def create_application(context: Context, pages: Sequence[APIRouter] = ()) -> Application:
    """The API over these ports. pages: routers of what people see in a browser, mounted at `/`."""
    lookup = Lookup(context)
    submissions = Submissions(context)
    listing = Listing(context)
    files = InputFiles(context, lookup)
    operations = (
        *JobRoutes(context, submissions, lookup, listing, files).operations,
        *FileRoutes(context).operations,
        *EventRoutes(context, lookup).operations,
        *ArtifactRoutes(context, lookup).operations,
        *image_door(context, submissions, lookup, listing, files).operations,
        *(
            row
            for door in audio_doors(context, submissions, lookup, listing, files)
            for row in door.operations
        ),
        *DiagnosisRoutes(context, submissions, lookup).operations,
        *FactorialRoutes(context, submissions, lookup).operations,
        *ModelRoutes(context).operations,
        *DlqRoutes(context, DeadLetters(context, submissions)).operations,
        *QueryRoutes(context).operations,
        *HealthRoutes(context).operations,
    )
    documents = DocumentRoutes(operations, context.catalogue)
    operations = (*operations, *documents.operations, *documents.pages)
    application = Application(Dispatch(context, operations))
    socket = EventSocket(context, lookup)
    for path in EVENT_SOCKETS:
        application.router.routes.append(WebSocketRoute(path, socket.serve))
    for router in pages:
        application.include_router(router, include_in_schema=False)
    application.add_exception_handler(404, _not_found)
    return application


async def _not_found(request: Request, error: Exception) -> Response:
    reply = problem_reply(Refusal(404, "not_found", "there is nothing at this address"))
    return Response(reply.body, reply.status, media_type=reply.media_type.decode())
