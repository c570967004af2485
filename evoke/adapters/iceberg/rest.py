"""The table of the distributed engine: a REST catalog, and Parquet files in S3."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pyarrow.fs import FileSelector, FileType
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import RESTError
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table

from evoke.adapters.iceberg.home import Home, translated

CATALOG_NAME = "evoke"
CONNECT_S, REQUEST_S = "3", "20"
ROW_GROUP_ROWS = 20_000


@dataclass(frozen=True)
class RestPlace:
    """Where catalog and files are. warehouse: the catalog's default one when None. endpoint: as of `Bucket`.

    signing: the AWS service that requests are signed for, by the process's own credentials; None: they are not.
    """

    uri: str
    warehouse: str | None
    namespace: str
    region: str
    endpoint: str | None
    signing: str | None = None


def rest_home(place: RestPlace) -> Home:
    """Connect to the catalog. Blocks. Raises Unavailable."""
    properties = {
        "uri": place.uri,
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        "s3.region": place.region,
        "s3.connect-timeout": CONNECT_S,
        "s3.request-timeout": REQUEST_S,
        # The process's own credentials are used, found by the usual chain.
        "header.X-Iceberg-Access-Delegation": "",
    }
    if place.warehouse is not None:
        properties["warehouse"] = place.warehouse
    if place.endpoint is not None:
        properties["s3.endpoint"] = place.endpoint
    if place.signing is not None:
        properties["rest.sigv4-enabled"] = "true"
        properties["rest.signing-name"] = place.signing
        properties["rest.signing-region"] = place.region
    with translated((RESTError,)):
        catalog = RestCatalog(CATALOG_NAME, **properties)
    return Home(catalog, place.namespace, None, sweep, (RESTError,), ROW_GROUP_ROWS)


def sweep(table: Table, live: Iterable[str], older_than_ms: int) -> int:
    """Remove the table's objects that are not live and were written before that Unix time in ms.

    Nothing where the catalog forbids it (`gc.enabled=false`, as Nessie does): it shows the newest snapshot alone
    and may hold others, so that only its own collector knows which files are garbage.
    """
    if table.properties.get("gc.enabled", "true").lower() == "false":
        return 0
    kept = {_path(location) for location in live}
    if not isinstance(table.io, PyArrowFileIO):
        raise TypeError("the files of a REST catalog's table are read by PyArrow")
    files = table.io.fs_by_scheme("s3", urlsplit(table.location()).netloc)
    found = files.get_file_info(FileSelector(_path(table.location()), recursive=True, allow_not_found=True))
    old = [
        info.path
        for info in found
        if info.type == FileType.File and info.path not in kept and info.mtime_ns // 1_000_000 < older_than_ms
    ]
    for path in old:
        files.delete_file(path)
    return len(old)


def _path(location: str) -> str:
    """Bucket and key of a location, as PyArrow names objects."""
    parts = urlsplit(location)
    return f"{parts.netloc}{parts.path}"
