"""The table of the embedded engine: a SQLite catalog and Parquet files in one folder."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from sqlalchemy.exc import DBAPIError

from evoke.adapters.iceberg.files import ROOT_PROPERTY
from evoke.adapters.iceberg.home import Home, translated
from evoke.ports.archive import NAMESPACE, TABLE

CATALOG_FILE = "catalog.sqlite"
CATALOG_NAME = "evoke"
_TRIES = 5

ROW_GROUP_ROWS = 1_000


def local_home(folder: Path) -> Home:
    """Open, or make, the home in a folder. Blocks. Raises Unavailable."""
    with translated((DBAPIError,)):
        absolute = folder.resolve()
        catalog = _catalog(absolute)
    return Home(
        catalog,
        NAMESPACE,
        f"file://{absolute / TABLE}",
        partial(_swept, absolute),
        (DBAPIError,),
        ROW_GROUP_ROWS,
    )


def sweep(folder: Path, live: Iterable[str], older_than_ms: int) -> int:
    """Remove the table's files under `folder` that are not live and were written before that Unix time in ms.

    Takes with it what a writer left behind that died before its commit. Returns how many there were.
    """
    kept = {location.rpartition(f"/{TABLE}/")[2] for location in live}
    table_folder = folder / TABLE
    removed = 0
    for path in (found for found in table_folder.rglob("*") if found.is_file()):
        if str(path.relative_to(table_folder)) in kept or path.stat().st_mtime * 1000 >= older_than_ms:
            continue
        path.unlink(missing_ok=True)
        removed += 1
    return removed


def _swept(folder: Path, _: Table, live: Iterable[str], older_than_ms: int) -> int:
    return sweep(folder, live, older_than_ms)


def _catalog(folder: Path) -> SqlCatalog:
    folder.mkdir(parents=True, exist_ok=True)
    properties = {
        "uri": f"sqlite:///{folder / CATALOG_FILE}",
        "py-io-impl": "evoke.adapters.iceberg.files.DurableFileIO",
        ROOT_PROPERTY: str(folder),
    }
    for attempt in range(_TRIES):
        try:
            return SqlCatalog(CATALOG_NAME, **properties)
        except DBAPIError:
            # Two processes make the catalog's tables at once.
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.05 * 2**attempt)
    raise AssertionError("unreachable")
