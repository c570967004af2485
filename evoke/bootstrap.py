"""Picks the adapters behind the ports by `Settings.engine`; the only place that does.

Imports are inside the functions so that a process loads only the libraries of the ports that it opens.
"""

from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from evoke.domain.catalogue import Catalogue, catalogue_of
from evoke.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evoke.adapters.pulsar.place import Place
    from evoke.ports.archive import Archive
    from evoke.ports.blob_store import BlobStore
    from evoke.ports.event_log import EventLog
    from evoke.ports.history import History
    from evoke.ports.lease import Lease
    from evoke.ports.model_client import ModelClient
    from evoke.ports.progress_channel import ProgressChannel
    from evoke.ports.request_queue import RequestQueue
    from evoke.settings import Settings


def load_catalogue(path: Path | None) -> Catalogue:
    """Read `models.yaml`, the shipped one when `path` is None. Raises InvalidInput naming file, entry and field."""
    try:
        text = (path or resources.files("evoke") / "models.yaml").read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise InvalidInput("EVOKE_CATALOGUE", f"{path}: {error}") from error
    return catalogue_of(document if isinstance(document, dict) else {})


def _embedded(settings: Settings) -> Path:
    if settings.engine != "embedded":
        raise InvalidInput("EVOKE_ENGINE", "'distributed' has no history in this version")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return settings.data_dir


def _pulsar(settings: Settings) -> Place:
    from evoke.adapters.pulsar.place import Place

    token = settings.pulsar_token
    return Place(
        url=settings.pulsar_url,
        admin_url=settings.pulsar_admin_url,
        tenant=settings.pulsar_tenant,
        namespace=settings.pulsar_namespace,
        token=None if token is None else token.get_secret_value(),
        ca_file=settings.pulsar_ca_file,
    )


def prepare_engine(settings: Settings, queues: Sequence[str]) -> Iterator[str]:
    """Make what the engine needs for these queues, where it is missing; yield a line for each thing.

    Blocks. The embedded engine makes everything by itself. Raises Unavailable.
    """
    if settings.engine == "embedded":
        yield "the embedded engine needs no preparation"
        return
    from evoke.adapters.pulsar.administration import Administration

    yield from Administration(_pulsar(settings)).prepare(queues)


def _distributed(settings: Settings) -> bool:
    return settings.engine == "distributed"


def _needed(value: str | None, name: str) -> str:
    if not value:
        raise InvalidInput(name, "must be set for EVOKE_ENGINE=distributed")
    return value


async def open_event_log(settings: Settings) -> EventLog:
    """Open the log. Raises LogCorrupt, Unavailable."""
    if _distributed(settings):
        from evoke.adapters.pulsar.log import PulsarLog

        return await PulsarLog.open(_pulsar(settings), settings.pulsar_index_bytes)
    from evoke.adapters.sqlite.log import SqliteLog

    return await SqliteLog.open(_embedded(settings) / "log.sqlite")


async def open_request_queue(settings: Settings) -> RequestQueue:
    """Open the workers' side of the queues. Raises LogCorrupt, Unavailable."""
    if _distributed(settings):
        from evoke.adapters.pulsar.queue import PulsarQueue

        return await PulsarQueue.open(_pulsar(settings))
    from evoke.adapters.sqlite.queue import SqliteQueue

    return await SqliteQueue.open(_embedded(settings) / "log.sqlite", lease_s=settings.lease_s)


async def open_progress_channel(settings: Settings) -> ProgressChannel:
    """Open the channel of progress reports."""
    if _distributed(settings):
        from evoke.adapters.pulsar.progress import PulsarProgressChannel

        return PulsarProgressChannel(_pulsar(settings))
    from evoke.adapters.local_socket.progress import SocketProgressChannel

    return SocketProgressChannel(_embedded(settings))


async def open_blob_store(settings: Settings) -> BlobStore:
    """Open the store of artifacts."""
    if _distributed(settings):
        from evoke.adapters.s3.blobs import S3BlobStore
        from evoke.adapters.s3.client import Bucket

        name = _needed(settings.s3_bucket, "EVOKE_S3_BUCKET")
        place = (settings.s3_region, settings.s3_endpoint, settings.s3_path_style, settings.s3_presigned)
        return await asyncio.to_thread(lambda: S3BlobStore(Bucket(name, *place)))
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
        place = RestPlace(uri, settings.catalog_warehouse, settings.s3_region, settings.s3_endpoint)
        home = await asyncio.to_thread(rest_home, place)
    else:
        from evoke.adapters.iceberg.local import local_home

        home = await asyncio.to_thread(local_home, _embedded(settings) / "archive")
    return IcebergArchive(home, settings.archive_partition, on_written)


async def open_archiver_lease(settings: Settings) -> Lease:
    """Open the lease that makes one archiver the active one."""
    if _distributed(settings):
        from evoke.adapters.pulsar.lease import PulsarLease

        return PulsarLease(_pulsar(settings), "archiver")
    from evoke.adapters.file_lock.lease import FileLockLease

    return FileLockLease(_embedded(settings) / "archiver.lock")


async def open_history(settings: Settings) -> History:
    """Open history for reading; an archive that does not exist yet reads as empty."""
    from evoke.adapters.duckdb.history import DuckDbHistory

    return await DuckDbHistory.open(_embedded(settings) / "archive")


async def connect_model(address: str) -> ModelClient:
    """Connect to a model container; returns at once, the connection comes up by itself."""
    from evoke.adapters.grpc_model.client import GrpcModelClient

    return GrpcModelClient(address)
