"""The folder of weights: `<model>/` or `<model>.safetensors` for each, beside a hidden folder of our own.

<folder>/<model>/…                    read-only files, all of them or none
<folder>/.evoke/receipts/<model>.json what they are
<folder>/.evoke/partial/<model>/…     what is still being fetched
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from evoke.domain.errors import Conflict, NotFound, StorageFull, Unavailable, WeightsDamaged
from evoke.domain.weights_place import shown
from evoke.ports.weights_source import Listing, RemoteFile, WeightsSource
from evoke.weights.digests import checked_sha256
from evoke.weights.download import Told, download
from evoke.weights.receipts import FetchedFile, Receipt, Receipts
from evoke.weights.selection import selected
from evoke.weights.wish import Wish

SPARE_BYTES = 256 << 20
"""Left free on the disk, beyond what is fetched."""


class WeightsStore:
    """The weights below a folder. Several processes may use it at once: a model is fetched by one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own = folder / ".evoke"
        self.receipts = Receipts(self._own / "receipts")

    def pull(self, wish: Wish, source: WeightsSource, told: Told) -> tuple[Receipt, bool]:
        """Fetch the weights of a model unless they are there; returns the receipt, and whether anything was fetched.

        Raises NotFound, InvalidInput, Unavailable (the same call goes on where it broke off), StorageFull,
        WeightsDamaged (what was fetched is thrown away), Conflict (something else lies in its place).
        """
        with self._alone(wish.model):
            present = self.receipts.get(wish.model)
            if present is not None and wish.met_by(present) and self._in_place(present):
                return present, False
            try:
                listing = source.listing()
            except Unavailable:
                if present is not None and wish.same_source(present) and self._in_place(present):
                    return (
                        present,
                        False,
                    )  # whether there is something newer can wait until the source answers
                raise
            files = (
                _single(listing, wish) if listing.single else selected(listing.files, wish.files, wish.allow)
            )
            version = listing.version
            if present is not None and present.version == version != "" and self._same(present, files, wish):
                return present, False
            path = wish.path(listing)
            if present is None and (self.folder / path).exists():
                raise Conflict(f"{self.folder / path} exists and was not fetched by evoke; move it away")
            partial = self._partial(wish.model, f"{wish.uri} {version}")
            self._need_room(files, partial)
            for file in files:
                download(source, file, version, partial / file.name, told)
            fetched = self._checked(files, partial)
            receipt = Receipt(
                model=wish.model,
                uri=shown(wish.uri),
                version=version,
                path=path,
                single=listing.single,
                files=fetched,
            )
            self._put_in_place(receipt, partial, present)
            return receipt, True

    def verify(self, model: str) -> Receipt:
        """Read every file of a model again. Raises NotFound, WeightsDamaged naming the first that is wrong."""
        receipt = self._receipt(model)
        place = self.folder / receipt.path
        for file in receipt.files:
            path = place if receipt.single else place / file.name
            if not path.is_file():
                raise WeightsDamaged(f"{path} is missing; `evoke models pull {model}` fetches it again")
            checked_sha256(path, RemoteFile(name=str(path), size_bytes=file.size_bytes, sha256=file.sha256))
        return receipt

    def remove(self, model: str) -> Receipt:
        """Remove the weights of a model, and what was begun of them. Raises NotFound."""
        with self._alone(model):
            receipt = self._receipt(model)
            self.receipts.remove(model)
            _remove(self.folder / receipt.path)
            shutil.rmtree(self._own / "partial" / model, ignore_errors=True)
            return receipt

    def _receipt(self, model: str) -> Receipt:
        receipt = self.receipts.get(model)
        if receipt is None:
            raise NotFound(f"no weights of {model} were fetched into {self.folder}")
        return receipt

    def _in_place(self, receipt: Receipt) -> bool:
        """Whether every file is there with its size."""
        place = self.folder / receipt.path
        paths = {file.name: place if receipt.single else place / file.name for file in receipt.files}
        return all(
            paths[f.name].is_file() and paths[f.name].stat().st_size == f.size_bytes for f in receipt.files
        )

    def _same(self, present: Receipt, files: Sequence[RemoteFile], wish: Wish) -> bool:
        wanted = {file.name for file in files}
        return (
            wish.same_source(present)
            and wanted == {f.name for f in present.files}
            and self._in_place(present)
        )

    def _partial(self, model: str, version: str) -> Path:
        """The folder in which a model is gathered; empty when it held another version, or one that nobody can tell."""
        folder = self._own / "partial" / model
        note = folder / ".version"
        known = note.read_text(encoding="utf-8") if note.exists() else ""
        if folder.exists() and (known != version or version.endswith(" ")):
            shutil.rmtree(folder)
        (folder / "files").mkdir(parents=True, exist_ok=True)
        note.write_text(version, encoding="utf-8")
        return folder / "files"

    def _need_room(self, files: Sequence[RemoteFile], partial: Path) -> None:
        there = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())
        needed = sum(file.size_bytes or 0 for file in files) - there
        free = shutil.disk_usage(partial).free
        if needed + SPARE_BYTES > free:
            raise StorageFull(
                f"{needed / 1e9:.1f} GB are to be fetched into {self.folder}, which has {free / 1e9:.1f} GB free"
            )

    def _checked(self, files: Sequence[RemoteFile], partial: Path) -> tuple[FetchedFile, ...]:
        """Check every file; what is wrong is thrown away, so that the next try begins anew. Raises WeightsDamaged."""
        found = []
        for file in files:
            path = partial / file.name
            try:
                digest = checked_sha256(path, file)
            except WeightsDamaged:
                path.unlink()
                raise
            found.append(FetchedFile(name=file.name, size_bytes=path.stat().st_size, sha256=digest))
        return tuple(found)

    def _put_in_place(self, receipt: Receipt, partial: Path, before: Receipt | None) -> None:
        """Rename into place, read-only.

        The receipt is written first: a crash after it leaves a receipt without weights, and the next pull goes on with
        what is gathered; weights without a receipt would be taken for a stranger's.
        """
        for path in partial.rglob("*"):
            if path.is_file():
                with path.open("rb") as stream:
                    os.fsync(stream.fileno())
                path.chmod(0o444)
        if before is not None:
            _remove(self.folder / before.path)
        self.receipts.put(receipt)
        target = self.folder / receipt.path
        (partial / receipt.files[0].name if receipt.single else partial).rename(target)
        if target.is_dir():
            target.chmod(0o755)
        shutil.rmtree(self._own / "partial" / receipt.model, ignore_errors=True)

    @contextmanager
    def _alone(self, model: str) -> Iterator[None]:
        """Wait until no other process works on this model."""
        locks = self._own / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        lock = os.open(locks / model, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _single(listing: Listing, wish: Wish) -> list[RemoteFile]:
    """The lone file, with what the catalogue says of it."""
    (file,) = selected(listing.files, (), wish.allow)
    return [
        RemoteFile(
            name=PurePosixPath(file.name).name,
            size_bytes=wish.size_bytes or file.size_bytes,
            sha256=wish.sha256 or file.sha256,
        )
    ]


def _remove(path: Path) -> None:
    if path.is_dir():
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
