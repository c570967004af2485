"""The catalogue: which models there are, where their weights come from, what they accept."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from evoke.domain import topics
from evoke.domain.errors import InvalidInput, UnknownModel


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where weights come from: `hf:org/name@revision`, `https://…`, `s3://…`, `package:` or a local folder."""

    uri: str
    sha256: str | None = None
    size_bytes: int | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the JSON Schema can't say: bounds over several fields, and of a run.

    max_pixels bounds width x height of a picture; max_images bounds batch_size x n_iters;
    deadline_s bounds one attempt.
    """

    max_pixels: int | None = None
    max_images: int | None = None
    deadline_s: float = 600.0


class Model(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry. input: JSON Schema (2020-12) of the input object, with a `default` where there is one.

    container: the folder in `model_containers/` that serves it.
    """

    id: str
    task: str
    queue: str
    container: str
    title: str
    input: dict[str, Any]
    source: Source | None = None
    limits: Limits = Limits()
    description: str = ""
    licence: str = ""
    aliases: tuple[str, ...] = ()


class Catalogue:
    """All models by id. `default` of a task is its first entry."""

    def __init__(self, models: Sequence[Model]) -> None:
        """Raises InvalidInput when two entries share a name."""
        self._by_name: dict[str, Model] = {}
        for model in models:
            for name in (model.id, *model.aliases):
                if self._by_name.setdefault(name, model) is not model:
                    raise InvalidInput("models", f"two entries are called {name!r}")
        self.models: tuple[Model, ...] = tuple(models)

    @property
    def queues(self) -> tuple[str, ...]:
        """Names of all queues, each once, in the catalogue's order."""
        return tuple(dict.fromkeys(model.queue for model in self.models))

    def get(self, name: str) -> Model:
        """Return the model of that id or alias. Raises UnknownModel with the nearest names."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownModel(name[:80], self._nearest(name)) from None

    def default(self, task: str) -> Model:
        """Return the first model of a task. Raises UnknownModel when there is none."""
        for model in self.models:
            if model.task == task:
                return model
        raise UnknownModel(f"default of {task}")

    def served_by(self, container: str) -> tuple[Model, ...]:
        """The models that a container folder serves."""
        return tuple(model for model in self.models if model.container == container)

    def _nearest(self, name: str) -> tuple[str, ...]:
        return tuple(difflib.get_close_matches(name[:80], self._by_name, n=3, cutoff=0.4))


def catalogue_of(document: Mapping[str, Any]) -> Catalogue:
    """Build a catalogue from a parsed `models.yaml`. Raises InvalidInput naming the entry and the field."""
    entries = document.get("models")
    if not isinstance(entries, list):
        raise InvalidInput("models", "must be a list of entries")
    return Catalogue([_model_of(entry, place) for place, entry in enumerate(entries)])


def _model_of(entry: object, place: int) -> Model:
    try:
        model = msgspec.convert(entry, Model)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"models[{place}]", str(error)) from error
    if topics.names_a_lane(model.queue):
        raise InvalidInput(
            f"models[{place}].queue",
            f"{model.queue!r} of {model.id!r} must not end in {topics.BULK_SUFFIX!r}: "
            "its topic would be another queue's bulk lane",
        )
    return model
