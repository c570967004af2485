"""The catalogue: which models there are, where their weights come from, what they accept."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from evoke.domain.errors import InvalidInput, NoModelOfTask, UnknownModel


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where weights come from; `uri` as in `evoke/domain/weights_place.py`.

    sha256, size_bytes: of a single file, when known. files: patterns of the files to take, default all that are
    weights or describe them. allow: names of files that may be taken though they can run code when loaded, such as
    `pytorch_model.bin`. config: the folder of configs that goes with a single file. parts: other sources whose files
    go into folders of these names below the model's, such as the encoder of prompts that a checkpoint only names.
    """

    uri: str
    sha256: str | None = None
    size_bytes: int | None = None
    files: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    config: str | None = None
    parts: dict[str, str] = msgspec.field(default_factory=dict)


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the JSON Schema can't say: bounds over several fields, and of a run; and bounds of every model of a task.

    max_pixels bounds width x height of a picture; max_images bounds batch_size x n_iters; max_steps bounds steps;
    max_duration_s bounds duration_s of a sound; max_prompt_len bounds the prompt, in characters; deadline_s bounds
    one attempt.
    """

    max_pixels: int | None = None
    max_images: int | None = None
    max_steps: int | None = None
    max_duration_s: float | None = None
    max_prompt_len: int | None = None
    deadline_s: float = 600.0


class Container(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a container that is no part of evoke is started on this machine.

    command: its words. In them `{python}` is the Python that runs evoke, and `{address}` is where to listen; without
    that, `--address ADDRESS` is added. folder: where it is started, default the catalogue's folder.
    """

    command: tuple[str, ...]
    folder: str = ""


class ModelLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to bring into the folder of weights, under a name of its own; the model of that name finds it there."""

    url: str
    rename_to: str


class Model(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One entry. input: JSON Schema (2020-12) of the input object, with a `default` where there is one.

    container: the folder in `model_containers/` that serves it, or a container of the catalogue's own.
    files: names of the files that every request has to bring beside its input.
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
    files: tuple[str, ...] = ()


class Catalogue:
    """All models by id. `default` of a task is its first entry.

    containers: those that are no part of evoke, by name. links: files to bring into the folder of weights.
    """

    def __init__(
        self,
        models: Sequence[Model],
        containers: Mapping[str, Container] | None = None,
        links: Sequence[ModelLink] = (),
    ) -> None:
        """Raises InvalidInput when two entries share a name."""
        self.containers: Mapping[str, Container] = dict(containers or {})
        self.links: tuple[ModelLink, ...] = tuple(links)
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
        """Return the first model of a task. Raises NoModelOfTask when there is none."""
        for model in self.models:
            if model.task == task:
                return model
        raise NoModelOfTask(task)

    def served_by(self, container: str) -> tuple[Model, ...]:
        """The models that a container folder serves."""
        return tuple(model for model in self.models if model.container == container)

    def _nearest(self, name: str) -> tuple[str, ...]:
        return tuple(difflib.get_close_matches(name[:80], self._by_name, n=3, cutoff=0.4))
