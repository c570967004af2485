"""A job's events, live: as server-sent events and by WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from evoke.domain.errors import EvokeError
from services.api.context import Context
from services.api.event_stream import EventStream, StreamItem
from services.api.exchange import AnyReply, Exchange, Reply, StreamedReply
from services.api.lookup import Lookup
from services.api.operations import JOB_ID, Answer, Operation, Parameter
from services.api.problems import status_of
from services.api.waiting import require_ready

EVENT_SOCKETS = ("/v1/jobs/{id}/events", "/v1/jobs/{id}/events/ws")
"""Where a WebSocket hears of a job: at the path of the events themselves, and at one of its own for proxies that tell
paths apart, not protocols."""

_encode = msgspec.json.Encoder().encode
_HEADERS = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]


class EventRoutes:
    """`/v1/jobs/{id}/events`; for WebSockets see `EVENT_SOCKETS`."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    async def events(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/jobs/{id}/events`."""
        require_ready(self._context)
        token = exchange.header(b"last-event-id") or exchange.query.get("last_event_id")
        stream = EventStream(self._context, self._lookup, exchange.tenant, exchange.parameters["id"], token)
        if not await stream.open():
            return Reply(204, b"")
        return StreamedReply(200, _frames(stream), b"text/event-stream; charset=utf-8", _HEADERS)

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="GET",
                path="/v1/jobs/{id}/events",
                handler=self.events,
                scope="read",
                tag="jobs",
                summary="Follow a job's events",
                said="Server-sent events: what has happened (`requested`, `attempt_started`, `attempt_failed`, "
                "`attempt_yielded`), live `progress`, `log` and `preview`, and at the end `succeeded`, `failed` or "
                "`cancelled`. `Last-Event-ID` goes on after an event; 204 says that there is nothing more. "
                "The same as JSON messages by WebSocket, here and at `/v1/jobs/{id}/events/ws`.",
                parameters=(JOB_ID, _LAST_EVENT_ID, _LAST_EVENT_ID_IN_QUERY),
                answers={
                    200: Answer(
                        said="The stream.", media_type="text/event-stream", schema=_MESSAGE, example=_EXAMPLE
                    ),
                    204: Answer(said="All of it was seen."),
                },
                refusals=(404, 422, 503),
            ),
        )


async def _frames(stream: EventStream) -> AsyncGenerator[bytes, None]:
    yield b"retry: 1000\n\n"
    async for item in stream.items():
        yield _frame(item)


def _frame(item: StreamItem) -> bytes:
    if not item.event:
        return b": still here\n\n"
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (item.id.encode(), item.event.encode(), _encode(item.data))


class EventSocket:
    """The sockets of `EVENT_SOCKETS`: messages `{"event", "id", "data"}`; `last_event_id` in the query resumes."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    async def serve(self, socket: WebSocket) -> None:
        """Serve one WebSocket to its end. Refusals close it with 4000 + the HTTP status, and say why."""
        await socket.accept()
        try:
            await self._serve(socket)
        except EvokeError as error:
            await socket.close(4000 + status_of(error), str(error)[:120])
        except WebSocketDisconnect:
            return

    async def _serve(self, socket: WebSocket) -> None:
        require_ready(self._context)
        exchange = Exchange(dict(socket.scope), None, None, "")
        principal = self._context.authentication.principal(exchange, "read")
        token = exchange.query.get("last_event_id")
        stream = EventStream(self._context, self._lookup, principal.tenant, socket.path_params["id"], token)
        if await stream.open():
            async with asyncio.TaskGroup() as tasks:
                listener = tasks.create_task(_until_gone(socket))
                sender = tasks.create_task(_send_all(socket, stream))
                listener.add_done_callback(lambda _: sender.cancel())
                sender.add_done_callback(lambda _: listener.cancel())
        if socket.application_state is WebSocketState.CONNECTED:
            await socket.close()


async def _until_gone(socket: WebSocket) -> None:
    """What the client says does not matter; that it leaves does."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _send_all(socket: WebSocket, stream: EventStream) -> None:
    async for item in stream.items():
        if item.event:
            message = {"event": item.event, "id": item.id, "data": item.data}
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await socket.send_text(_encode(message).decode())


SEND_TIMEOUT_S = 60.0
_LAST_EVENT_ID = Parameter(
    name="Last-Event-ID",
    place="header",
    schema={"type": "string", "maxLength": 600},
    said="The id of the last event that was seen.",
)
_LAST_EVENT_ID_IN_QUERY = Parameter(
    name="last_event_id",
    place="query",
    schema={"type": "string", "maxLength": 600},
    said="The same, for clients that can't set headers.",
)
_MESSAGE = {
    "type": "object",
    "description": "One message; `data` is JSON.",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
}
_EXAMPLE = """retry: 1000

id: cmVxdWVzdGVk
event: requested
data: {"type":"requested.v1","status":"queued"}

id: cmVxdWVzdGVk
event: progress
data: {"attempt":1,"step":3,"total":20,"unit":"steps"}
"""
