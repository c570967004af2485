"""What was fetched: one small JSON file for each model, written when its weights are in place."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from evoke.domain.errors import WeightsDamaged


class FetchedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was fetched. name: below the model's folder, or of the lone file."""

    name: str
    size_bytes: int
    sha256: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The weights of one model. path: below the folder of weights. uri: without what may be secret."""

    model: str
    uri: str
    version: str
    path: str
    single: bool
    files: tuple[FetchedFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)


class Receipts:
    """The receipts below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, model: str) -> Receipt | None:
        """The receipt of a model, None where it was never fetched. Raises WeightsDamaged for one that can't be read."""
        try:
            return msgspec.json.decode(self._path(model).read_bytes(), type=Receipt)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise WeightsDamaged(
                f"{self._path(model)} can't be read: {error}; remove it and pull again"
            ) from error

    def put(self, receipt: Receipt) -> None:
        """Write a receipt, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._path(receipt.model).with_suffix(".draft")
        with draft.open("wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(receipt), indent=1))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._path(receipt.model))

    def remove(self, model: str) -> None:
        """Forget a model; without effect for one that is not known."""
        self._path(model).unlink(missing_ok=True)

    def models(self) -> list[str]:
        """The models that were fetched."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def _path(self, model: str) -> Path:
        return self._folder / f"{model}.json"
