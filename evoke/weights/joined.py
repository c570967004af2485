"""Several sources as one: a model's own, and others whose files go into folders of their names below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from evoke.domain.errors import InvalidInput
from evoke.ports.weights_source import Listing, RemoteFile, WeightsSource

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class JoinedSource:
    """A `WeightsSource` of a model that needs another's weights too, such as the encoder of its prompts."""

    def __init__(self, own: WeightsSource, parts: Mapping[str, WeightsSource]) -> None:
        """parts: by the names of their folders."""
        self._own = own
        self._parts = parts
        self._versions: dict[str, str] = {}

    def listing(self) -> Listing:
        """See `WeightsSource.listing`. The version is made of all versions, "" where one of them is unknown."""
        own = self._own.listing()
        if own.single:
            raise InvalidInput(
                "source.parts", "go with a folder of weights, and this source is a single file"
            )
        found, versions = list(own.files), {"": own.version}
        for name, source in self._parts.items():
            if not _NAME.fullmatch(name):
                raise InvalidInput("source.parts", f"{name[:100]!r} is no name of a folder")
            listing = source.listing()
            versions[name] = listing.version
            found += [
                msgspec.structs.replace(
                    file, name=f"{name}/{file.name.rpartition('/')[2] if listing.single else file.name}"
                )
                for file in listing.files
            ]
        self._versions = versions
        known = all(versions.values())
        return Listing(files=found, version="+".join(versions.values()) if known else "")

    def read(self, file: RemoteFile, start: int, version: str) -> tuple[int, Iterator[bytes]]:
        """See `WeightsSource.read`."""
        folder, _, rest = file.name.partition("/")
        if folder not in self._parts:
            return self._own.read(file, start, self._versions.get("", version))
        inner = msgspec.structs.replace(file, name=rest)
        return self._parts[folder].read(inner, start, self._versions.get(folder, version))

    def close(self) -> None:
        """See `WeightsSource.close`."""
        for source in (self._own, *self._parts.values()):
            source.close()
