"""Where an Iceberg table is at home: its catalog, its files, and the errors that those raise."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.table import Table

from evoke.domain.errors import Conflict, StorageFull, Unavailable


class Sweep(Protocol):
    """Removes a table's files that are not live and were written before a Unix time in ms; says how many."""

    def __call__(self, table: Table, live: Iterable[str], older_than_ms: int, /) -> int:
        """Raises OSError."""
        ...


@dataclass(frozen=True)
class Home:
    """What differs between places. namespace: of the table, in the catalog.

    location: of the new table, None where the catalog chooses it.

    unavailable: what the catalog's library raises when the catalog does not answer as it should.
    row_group_rows: rows of a file's row group, as suits the engine that reads here: in DuckDB a look-up decodes one
    of them, Trino makes a piece of work of each.
    """

    catalog: Catalog
    namespace: str
    location: str | None
    sweep: Sweep
    unavailable: tuple[type[Exception], ...]
    row_group_rows: int


@contextmanager
def translated(unavailable: tuple[type[Exception], ...]) -> Iterator[None]:
    """Raise what the libraries raise as errors of the contract."""
    try:
        yield
    except (CommitFailedException, ValidationException) as error:
        raise Conflict(str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("no space left for the archive") from error
        raise Unavailable(f"the archive's files: {error}") from error
    except unavailable as error:
        raise Unavailable(f"the archive's catalog: {getattr(error, 'orig', error)}") from error
