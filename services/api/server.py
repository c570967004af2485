"""uvicorn inside a process whose signals are handled elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Generator

import uvicorn
from fastapi import FastAPI

from evoke.domain.errors import InvalidInput
from services.api.context import Context
from services.api.one_write import OneWriteProtocol

_log = logging.getLogger(__name__)
_BACKLOG = 2048
_GRACE_S = 6.0


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind the address. Raises InvalidInput when it can't be had."""
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(info[0], info[1])
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(info[4])
    except OSError as error:
        raise InvalidInput(
            "EVOKE_PORT", f"cannot listen on {host}:{port}: {error.strerror or error}"
        ) from error
    return bound


async def serve_http(
    application: FastAPI, context: Context, stop: asyncio.Event, bound: socket.socket
) -> None:
    """Serve until `stop` is set; then take no more, finish what is under way, end the streams, and return."""
    config = uvicorn.Config(
        application,
        http=OneWriteProtocol,
        loop="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(_GRACE_S),
        ws_max_size=1 << 16,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    stopping = asyncio.create_task(stop.wait())
    host, port = bound.getsockname()[:2]
    _log.info("the API listens", extra={"url": f"http://{host}:{port}"})
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        context.closing.set()
        context.view.watchers.wake_all()
        server.should_exit = True
        await serving
