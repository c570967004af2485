"""The catalogue and the weights on this machine, as the commands see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from cli.failures import Usage
from cli.output import note, size
from cli.weights.fetching import FetchingLine
from evoke.bootstrap import load_catalogue, open_weights_source
from evoke.domain.catalogue import Catalogue, Model
from evoke.domain.catalogue_document import catalogue_of
from evoke.domain.errors import EvokeError, InvalidInput, UnknownModel, WeightsDamaged
from evoke.domain.weights_place import InPackage, OnDisk, place_of, shown
from evoke.ports.weights_source import WeightsSource
from evoke.settings import Settings
from evoke.weights.joined import JoinedSource
from evoke.weights.receipts import Receipt
from evoke.weights.store import WeightsStore
from evoke.weights.wish import Wish, wish_of, wish_of_link

ROOT = Path(__file__).resolve().parents[2]


class Here:
    """What this machine has of a catalogue. Each method tells the person at the terminal what it does."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self.store = WeightsStore(settings.models_folder)

    @classmethod
    def open(cls, settings: Settings) -> Here:
        """Read the catalogue. Raises Usage."""
        try:
            return cls(settings, load_catalogue(settings.catalogue))
        except InvalidInput as error:
            raise Usage(str(error)) from error

    def rows(self) -> list[dict[str, str]]:
        """One row for each entry and each link."""
        rows = [
            {
                "id": model.id,
                "task": model.task,
                "queue": model.queue,
                "weights": self._state(model),
                "source": shown(model.source.uri) if model.source is not None else "",
                "licence": model.licence,
            }
            for model in self._catalogue.models
        ]
        links = [
            {"id": link.rename_to, "task": "", "queue": "", "weights": self._fetched(link.rename_to)}
            | {"source": shown(link.url), "licence": ""}
            for link in self._catalogue.links
        ]
        return rows + links

    def wishes(self, names: Sequence[str], everything: bool, links: Path | None) -> list[Wish]:
        """What is to be fetched; tells of models that need nothing. Raises Usage for a name that nobody has."""
        wishes = [wish_of_link(link) for link in self._links(links)]
        by_name = {link.rename_to: wish_of_link(link) for link in self._catalogue.links}
        wishes += by_name.values() if everything else [by_name[name] for name in names if name in by_name]
        chosen = (
            self._catalogue.models
            if everything
            else [self._get(name) for name in names if name not in by_name]
        )
        for model in chosen:
            if model.source is None:
                note(f"{model.id}: needs no weights")
            elif isinstance(place_of(model.source.uri), InPackage | OnDisk):
                note(f"{model.id}: {self._state(model)}, nothing to fetch")
            else:
                wishes.append(wish_of(model, model.source))
        return wishes

    def pull(self, wishes: Sequence[Wish]) -> bool:
        """Fetch; returns whether all of it is here now."""
        by_name = {wish.model: wish for wish in wishes}
        return self._each(list(by_name), lambda name: self.fetch(by_name[name]))

    def fetch(self, wish: Wish) -> str:
        """Fetch the weights of one model; returns what to tell. Raises as `WeightsStore.pull`."""
        with (
            closing(self._source(wish)) as source,
            FetchingLine(wish.model) as line,
        ):
            receipt, fetched = self.store.pull(wish, source, line.told)
        return f"{'fetched' if fetched else 'is here already'}: {_told(receipt)} in {self._path(receipt)}"

    def _source(self, wish: Wish) -> WeightsSource:
        own = open_weights_source(self._settings, wish.uri)
        if not wish.parts:
            return own
        parts = {name: open_weights_source(self._settings, uri) for name, uri in wish.parts.items()}
        return JoinedSource(own, parts)

    def verify(self, names: Sequence[str]) -> bool:
        """Read again; returns whether all is as it was fetched."""
        models = list(names) or self.store.receipts.models()
        if not models:
            note(f"no weights were fetched into {self._settings.models_folder}")
        return self._each(models, lambda name: f"is whole: {_told(self.store.verify(name))}")

    def remove(self, names: Sequence[str]) -> bool:
        """Remove; returns whether all of them were there."""
        return self._each(names, lambda name: f"removed: {_told(self.store.remove(name))}")

    def _each(self, names: Sequence[str], work: Callable[[str], str]) -> bool:
        """Work on all of them, and tell of each; returns whether none failed."""
        failed = 0
        for name in names:
            try:
                print(f"{name}: {work(name)}", flush=True)
            except EvokeError as error:
                note(f"{name}: {error}")
                failed += 1
        return not failed

    def _get(self, name: str) -> Model:
        try:
            return self._catalogue.get(name)
        except UnknownModel as error:
            raise Usage(str(error)) from error

    def _links(self, file: Path | None) -> Sequence[Any]:
        if file is None:
            return ()
        import yaml

        try:
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
            return catalogue_of({"models": [], "model_links": document}).links
        except (OSError, yaml.YAMLError, InvalidInput) as error:
            raise Usage(f"--links {file}: {error}") from error

    def _state(self, model: Model) -> str:
        """Where the weights of a model are, in a few words."""
        if model.source is None:
            return "needs none"
        place = place_of(model.source.uri)
        if isinstance(place, InPackage):
            return "ships with evoke" if (ROOT / place.path).exists() else "missing"
        if isinstance(place, OnDisk):
            return "here" if Path(place.path).exists() else "missing"
        return self._fetched(model.id)

    def _fetched(self, name: str) -> str:
        try:
            receipt = self.store.receipts.get(name)
        except WeightsDamaged:
            return "receipt damaged"
        if receipt is None:
            return "not here"
        return f"here, {size(receipt.size_bytes)}" if self._path(receipt).exists() else "missing"

    def _path(self, receipt: Receipt) -> Path:
        return self._settings.models_folder / receipt.path


def _told(receipt: Receipt) -> str:
    files = len(receipt.files)
    return f"{files} file{'s' if files > 1 else ''}, {size(receipt.size_bytes)}"


def entry_of(catalogue: Catalogue, name: str) -> dict[str, Any]:
    """An entry as plain values. Raises UnknownModel."""
    found = msgspec.to_builtins(catalogue.get(name))
    return dict(found)
