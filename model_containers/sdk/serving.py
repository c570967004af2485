"""The process of a container: options, logs, the gRPC server, its end."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from evoke.protocol.methods import MAX_MESSAGE_BYTES, SERVICE
from model_containers.sdk.address import listen, socket_path
from model_containers.sdk.gpus import Gpus, visible_devices
from model_containers.sdk.logs import configure_logging
from model_containers.sdk.model import Servable
from model_containers.sdk.service import ModelService

GRPC_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)
_log = logging.getLogger(__name__)

Options = Callable[[argparse.ArgumentParser], None]
Models = Callable[[argparse.Namespace], Sequence[Servable]]


def main(models: Models, description: str, options: Options | None = None, version: str = "0") -> None:
    """Serve the models until SIGTERM or SIGINT; does not return.

    models: makes them from the parsed command line. options: adds the container's own options. Exit codes: 0 stopped,
    1 a model could not be set up or the address not be had, 2 wrong options.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--address", required=True, help="where to listen: unix:PATH or HOST:PORT")
    parser.add_argument(
        "--grace", type=float, default=5.0, help="seconds that runs may take to end on SIGTERM"
    )
    parser.add_argument(
        "--max-waiting", type=int, help="runs that may wait for their turn (default: as many as run)"
    )
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--log-format", default="text", choices=("text", "json"))
    if options is not None:
        options(parser)
    arguments = parser.parse_args()
    configure_logging(arguments.log_level, arguments.log_format)
    uvloop.install()
    _exit(*asyncio.run(_serve(models(arguments), arguments, version)))


def _exit(code: int, busy: int) -> None:
    """End the process, even when a model ignores that it was cancelled."""
    if busy:
        _log.warning("models still ran when the process ended", extra={"runs": busy})
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


async def _serve(models: Sequence[Servable], arguments: argparse.Namespace, version: str) -> tuple[int, int]:
    """Run the server; return the exit code and how many models still run."""
    gpus = Gpus.found(visible_devices())
    service = ModelService(models, version=version, max_waiting=arguments.max_waiting, gpus=gpus)
    healthy: Any = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs know the threaded one only
    server = grpc.aio.server(options=GRPC_OPTIONS)
    server.add_generic_rpc_handlers((service.handlers,))
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    stop = _stop_signal()
    try:
        listen(server, arguments.address)
        await server.start()
        await _announce(healthy, health_pb2.HealthCheckResponse.NOT_SERVING)
        code = await _until_stopped(service, healthy, stop)
    except OSError as error:
        _log.error("can't serve: %s", error)
        return 1, 0
    await _announce(healthy, health_pb2.HealthCheckResponse.NOT_SERVING)
    await server.stop(arguments.grace)
    _remove_socket(arguments.address)
    return code, service.busy


async def _until_stopped(service: ModelService, healthy: Any, stop: asyncio.Event) -> int:
    setup = asyncio.create_task(service.set_up())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({setup, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not setup.done():
        setup.cancel()
        return 0
    if (error := setup.exception()) is not None:
        _log.critical("a model could not be set up", exc_info=error)
        stopped.cancel()
        return 1
    await _announce(healthy, health_pb2.HealthCheckResponse.SERVING)
    gc.freeze()  # models are many objects that live to the end: no collection need look at them again
    _log.info("ready")
    await stopped
    _log.info("stopping")
    return 0


async def _announce(healthy: Any, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
    for name in ("", SERVICE):
        await healthy.set(name, status)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _remove_socket(address: str) -> None:
    path = socket_path(address)
    if path is not None:
        path.unlink(missing_ok=True)
