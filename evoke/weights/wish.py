"""What is to be fetched for a model."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from evoke.domain.catalogue import Model, ModelLink, Source
from evoke.domain.weights_place import shown
from evoke.ports.weights_source import Listing
from evoke.weights.receipts import Receipt


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A model's name in the folder of weights, and its source as the catalogue has it. name: of a link's file.

    parts: as the catalogue's.
    """

    model: str
    uri: str
    sha256: str | None = None
    size_bytes: int | None = None
    files: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    name: str = ""
    parts: dict[str, str] = msgspec.field(default_factory=dict)

    def met_by(self, receipt: Receipt) -> bool:
        """Whether these weights are known to be the wanted ones without asking the source.

        That is so where the digest is known, and where the address names a commit, which never changes.
        """
        if not self.same_source(receipt):
            return False
        if self.sha256 is not None:
            return [file.sha256 for file in receipt.files] == [self.sha256]
        return (
            not (self.files or self.allow or self.parts)
            and self.uri.startswith("hf:")
            and self.uri.endswith(f"@{receipt.version}")
        )

    def same_source(self, receipt: Receipt) -> bool:
        """Whether these weights came from the same address, and have the promised digest where there is one."""
        known = self.sha256 is None or [file.sha256 for file in receipt.files] == [self.sha256]
        return receipt.uri == shown(self.uri) and known

    def path(self, listing: Listing) -> str:
        """Where the weights go, below the folder of weights."""
        if self.name or not listing.single:
            return self.name or self.model
        return self.model + PurePosixPath(listing.files[0].name).suffix.lower()


def wish_of(model: Model, source: Source) -> Wish:
    """What an entry of the catalogue wants."""
    return Wish(
        model=model.id,
        uri=source.uri,
        sha256=source.sha256,
        size_bytes=source.size_bytes,
        files=source.files,
        allow=source.allow,
        parts=source.parts,
    )


def wish_of_link(link: ModelLink) -> Wish:
    """What a link wants: that its file lies under its name."""
    return Wish(model=link.rename_to, uri=link.url, name=link.rename_to)
