"""Runs a request to its end and keeps what was said."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc

from evoke.protocol.generated import model_pb2 as pb
from model_containers.workbench.connection import Connection, Request, Transcript

Watch = Callable[[pb.GenerateResponse], None]
GRACE_S = 1.0
"""How much later than the run's own deadline the call itself is given up, as a sidecar does."""


async def run_request(
    connection: Connection, request: Request, watch: Watch | None = None, timeout_s: float | None = None
) -> Transcript:
    """Run a request; `watch` sees every message as it comes. A call that fails is told by the transcript's status.

    timeout_s: when the call is given up; default: a moment after the run's own deadline.
    """
    transcript = Transcript()
    began = time.monotonic()
    call = connection.call(request.messages(), timeout_s or request.deadline_s + GRACE_S)
    try:
        async for message in call:
            transcript.messages.append(message)
            if watch is not None:
                watch(message)
    except grpc.aio.AioRpcError as error:
        transcript.status = error.code()
        transcript.details = error.details() or ""
    finally:
        call.cancel()
    transcript.took_s = time.monotonic() - began
    return transcript
