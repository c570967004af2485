"""Picks the adapters behind the ports by `Settings.engine`; the only place that does.

Imports are inside the functions so that a process loads only the libraries of the ports that it opens.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from evoke.catalogue_file import load_catalogue as load_catalogue  # noqa: PLC0414  # the bootstraps' own way to it
from evoke.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evoke.adapters.pulsar.administration import Administration
    from evoke.adapters.pulsar.place import Place
    from evoke.adapters.s3.client import Bucket
    from evoke.ports.archive import Archive
    from evoke.ports.blob_store import BlobStore
    from evoke.ports.event_log import EventLog
    from evoke.ports.history import History
    from evoke.ports.lease import Lease
    from evoke.ports.model_client import ModelClient
    from evoke.ports.progress_channel import ProgressChannel
    from evoke.ports.request_queue import RequestQueue
    from evoke.ports.trace_sink import TraceSink
    from evoke.ports.weights_source import WeightsSource
    from evoke.settings import Settings


def _embedded(settings: Settings) -> Path:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return settings.data_dir


def pulsar_place(settings: Settings) -> Place:
    """Where these settings say that Pulsar is."""
    from evoke.adapters.pulsar.place import Place

    token = settings.pulsar_token
    return Place(
        url=settings.pulsar_url,
        admin_url=settings.pulsar_admin_url,
        tenant=settings.pulsar_tenant,
        namespace=settings.pulsar_namespace,
        token=None if token is None else token.get_secret_value(),
        ca_file=settings.pulsar_ca_file,
        listener=settings.pulsar_listener,
        backlog_bytes=settings.pulsar_backlog_bytes,
        most_redeliveries=settings.pulsar_most_redeliveries,
        parts=settings.pulsar_partitions,
    )


def prepare_engine(settings: Settings, queues: Sequence[str]) -> Iterator[str]:
    """Make what the engine needs for these queues, where it is missing; yield a line for each thing.

    Blocks. The embedded engine makes everything by itself. Raises Unavailable.
    """
    if settings.engine == "embedded":
        yield "the embedded engine needs no preparation"
        return
    yield from _administration(settings).prepare(queues)
    if settings.s3_endpoint is not None:
        from evoke.adapters.s3.preparation import make_bucket

        yield make_bucket(_bucket(settings))


def log_continues(settings: Settings, archived: str) -> bool:
    """Whether the log that these settings name was made the one that follows the archived log. Blocks.

    Raises Unavailable; InvalidInput for the embedded engine, as `continue_log`.
    """
    return _administration(settings).continues(archived)


def continue_log(settings: Settings, archived: str) -> None:
    """Make the log that these settings name the one that follows the archived log. Blocks. Raises Unavailable."""
    _administration(settings).continue_from(archived)


def _administration(settings: Settings) -> Administration:
    from evoke.adapters.pulsar.administration import PREPARE_S, Administration

    if not _distributed(settings):
        raise InvalidInput("EVOKE_ENGINE", "must be 'distributed': the embedded log is restored from a copy")
    return Administration(pulsar_place(settings), PREPARE_S)


def parts_of(settings: Settings) -> int:
    """How many parts each queue's topics have (`evoke/domain/topics.py`); on the embedded engine one."""
    return settings.pulsar_partitions if _distributed(settings) else 1


def engine_name(settings: Settings) -> str:
    """Which engine these settings name, for people and for files that belong to one engine alone."""
    if _distributed(settings):
        return f"{settings.pulsar_url}/{settings.pulsar_tenant}/{settings.pulsar_namespace}"
    return f"embedded in {settings.data_dir}"


def _distributed(settings: Settings) -> bool:
    return settings.engine == "distributed"


def _needed(value: str | None, name: str) -> str:
    if not value:
        raise InvalidInput(name, "must be set for EVOKE_ENGINE=distributed")
    return value


def _bucket(settings: Settings) -> Bucket:
    from evoke.adapters.s3.client import Bucket

    name = _needed(settings.s3_bucket, "EVOKE_S3_BUCKET")
    place = (settings.s3_region, settings.s3_endpoint, settings.s3_path_style, settings.s3_presigned)
    return Bucket(name, *place)


async def open_event_log(settings: Settings) -> EventLog:
    """Open the log. Raises LogCorrupt, Unavailable."""
    if _distributed(settings):
        from evoke.adapters.pulsar.log import PulsarLog

        return await PulsarLog.open(pulsar_place(settings), settings.pulsar_index_bytes)
    from evoke.adapters.sqlite.log import SqliteLog

    return await SqliteLog.open(_embedded(settings) / "log.sqlite")


async def open_request_queue(settings: Settings) -> RequestQueue:
    """Open the workers' side of the queues. Raises LogCorrupt, Unavailable."""
    if _distributed(settings):
        from evoke.adapters.pulsar.queue import PulsarQueue

        return await PulsarQueue.open(pulsar_place(settings))
    from evoke.adapters.sqlite.queue import SqliteQueue

    return await SqliteQueue.open(_embedded(settings) / "log.sqlite", lease_s=settings.lease_s)


async def open_progress_channel(settings: Settings) -> ProgressChannel:
    """Open the channel of progress reports."""
    if _distributed(settings):
        from evoke.adapters.pulsar.progress import PulsarProgressChannel

        return PulsarProgressChannel(pulsar_place(settings))
    from evoke.adapters.local_socket.progress import SocketProgressChannel

    return SocketProgressChannel(_embedded(settings))


async def open_blob_store(settings: Settings) -> BlobStore:
    """Open the store of artifacts."""
    if _distributed(settings):
        from evoke.adapters.s3.blobs import S3BlobStore

        bucket = _bucket(settings)
        return await asyncio.to_thread(lambda: S3BlobStore(bucket))
    from evoke.adapters.directory.blobs import DirectoryBlobStore

    return DirectoryBlobStore(_embedded(settings) / "blobs")


async def open_archive(settings: Settings, on_written: Callable[[], None] | None = None) -> Archive:
    """Open the archive for its one writer. Raises Unavailable.

    on_written: called in each commit, from another thread, between the data files and the snapshot (for tests).
    """
    from evoke.adapters.iceberg.archive import IcebergArchive

    if _distributed(settings):
        from evoke.adapters.iceberg.rest import RestPlace, rest_home

        uri = _needed(settings.catalog_uri, "EVOKE_CATALOG_URI")
        place = RestPlace(
            uri,
            settings.catalog_warehouse,
            settings.catalog_namespace,
            settings.s3_region,
            settings.s3_endpoint,
            settings.catalog_signing,
        )
        home = await asyncio.to_thread(rest_home, place)
    else:
        from evoke.adapters.iceberg.local import local_home

        home = await asyncio.to_thread(local_home, _embedded(settings) / "archive")
    return IcebergArchive(home, settings.archive_partition, on_written)


async def open_archiver_lease(settings: Settings) -> Lease:
    """Open the lease that makes one archiver the active one."""
    if _distributed(settings):
        from evoke.adapters.pulsar.lease import PulsarLease

        return PulsarLease(pulsar_place(settings), "archiver")
    from evoke.adapters.file_lock.lease import FileLockLease

    return FileLockLease(_embedded(settings) / "archiver.lock")


async def open_history(settings: Settings) -> History:
    """Open history for reading; an archive that does not exist yet reads as empty."""
    if _distributed(settings):
        from evoke.adapters.trino.history import TrinoHistory
        from evoke.adapters.trino.place import Place

        password, token = settings.trino_password, settings.trino_token
        return TrinoHistory(
            Place(
                url=_needed(settings.trino_url, "EVOKE_TRINO_URL"),
                catalog=settings.trino_catalog,
                namespace=settings.catalog_namespace,
                user=settings.trino_user,
                tenant_user=settings.trino_tenant_user,
                password=None if password is None else password.get_secret_value(),
                token=None if token is None else token.get_secret_value(),
                ca_file=settings.trino_ca_file,
            )
        )
    from evoke.adapters.duckdb.history import DuckDbHistory

    return await DuckDbHistory.open(_embedded(settings) / "archive")


def open_trace_sink(settings: Settings, process: str) -> TraceSink | None:
    """Open the way of traces to their collector; None where there is none. Raises InvalidInput.

    process: its name in the traces.
    """
    if not settings.otlp_endpoint:
        return None
    try:
        from evoke.adapters.otlp.sink import OtlpSink
    except ModuleNotFoundError as error:
        lacking = f"{error.name} is not installed (PDM group otlp)"
        raise InvalidInput("EVOKE_OTLP_ENDPOINT", f"traces can't be sent: {lacking}") from error
    return OtlpSink(settings.otlp_endpoint, process)


def open_weights_source(settings: Settings, uri: str) -> WeightsSource:
    """Open a source that is fetched from: the hub, the web, S3. Raises InvalidInput for one that lies here."""
    from evoke.domain.weights_place import InBucket, OnHub, OnWeb, place_of

    place = place_of(uri)
    if isinstance(place, OnHub):
        from evoke.adapters.weights_http.hub import HubSource

        return HubSource(place)
    if isinstance(place, OnWeb):
        from evoke.adapters.weights_http.web import WebSource

        return WebSource(place, settings.tokens_of_hosts)
    if isinstance(place, InBucket):
        from evoke.adapters.weights_s3.source import BucketSource

        return BucketSource(
            place, region=settings.s3_region, endpoint=settings.s3_endpoint, path_style=settings.s3_path_style
        )
    raise InvalidInput("source.uri", f"{uri} lies on this machine already")


async def connect_model(address: str) -> ModelClient:
    """Connect to a model container; returns at once, the connection comes up by itself."""
    from evoke.adapters.grpc_model.client import GrpcModelClient

    return GrpcModelClient(address)
