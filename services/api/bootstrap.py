"""Opens the ports, makes the application, runs it: the API process from start to end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from evoke.bootstrap import (
    load_catalogue,
    open_blob_store,
    open_event_log,
    open_history,
    open_progress_channel,
    open_request_queue,
    open_trace_sink,
    parts_of,
)
from evoke.failpoints import Failpoints
from evoke.hot_view import Follower, HotView
from evoke.process import settle
from evoke.settings import Settings
from services.api.application import create_application
from services.api.authentication import Authentication
from services.api.context import Context
from services.api.input_check import input_checks
from services.api.key_file import KeyFile
from services.api.metrics import Metrics
from services.api.randomness import Randomness
from services.api.request_traces import RequestTraces
from services.api.server import listen, serve_http
from services.api.upload_room import UploadRoom
from services.console.routes import console_router


def clock_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncIterator[Context]:
    """Open every port that the API needs, and close them in the end. Raises InvalidInput, LogCorrupt, Unavailable."""
    catalogue = load_catalogue(settings.catalogue)
    keys = KeyFile(settings.api_keys_file) if settings.api_keys_file is not None else None
    view = HotView(
        catalogue.queues,
        hot_bytes=settings.hot_bytes,
        window_s=settings.hot_window_s,
        clock_ms=clock_ms,
        parts=parts_of(settings),
    )
    authentication = Authentication(keys, clock_ms)
    async with AsyncExitStack() as opened:
        sink = open_trace_sink(settings, "api")
        if sink is not None:
            opened.push_async_callback(sink.close)
        log = await open_event_log(settings)
        opened.push_async_callback(log.close)
        queue = await open_request_queue(settings)
        opened.push_async_callback(queue.close)
        blobs = await open_blob_store(settings)
        opened.push_async_callback(blobs.close)
        history = await open_history(settings)
        opened.push_async_callback(history.close)
        progress = await open_progress_channel(settings)
        opened.push_async_callback(progress.close)
        follower = Follower(
            view,
            log,
            history,
            progress,
            tenants=lambda: authentication.tenants,
            keys_since_ms=clock_ms() - int(settings.hot_window_s * 1000),
        )
        metrics = Metrics()
        randomness = Randomness()
        metrics.watch(view)
        yield Context(
            settings=settings,
            catalogue=catalogue,
            checks=input_checks(catalogue),
            log=log,
            queue=queue,
            blobs=blobs,
            history=history,
            progress=progress,
            view=view,
            follower=follower,
            authentication=authentication,
            metrics=metrics,
            failpoints=Failpoints(settings.failpoints),
            clock_ms=clock_ms,
            randomness=randomness,
            traces=RequestTraces(sink, randomness, settings.traces_per_s),
            uploads=UploadRoom(max(settings.max_uploads_bytes, 3 * settings.max_file_bytes)),
        )


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """The API process: until `stop` is set."""
    bound = listen(settings.host, settings.port)
    async with open_context(settings) as context, asyncio.TaskGroup() as tasks:
        following = tasks.create_task(context.follower.run())
        refreshing = tasks.create_task(context.authentication.keep_fresh())
        application = create_application(context, (console_router(),))
        settle()
        await serve_http(application, context, stop, bound)
        following.cancel()
        refreshing.cancel()
