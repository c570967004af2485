"""Models and queues as users see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from evoke.domain.catalogue import Model


class LimitsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds beside the JSON Schema. max_pixels: width x height. max_images: batch_size x n_iters.

    max_steps: steps. max_duration_s: duration_s. max_prompt_len: characters of the prompt.
    """

    max_pixels: int | None
    max_images: int | None
    max_steps: int | None
    max_duration_s: float | None
    max_prompt_len: int | None
    deadline_s: float


class ModelDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A model. input_schema: JSON Schema (2020-12) of a job's `input`.

    files: what a request has to bring beside its input; such a model has a door of its own.
    """

    id: str
    title: str
    task: str
    queue: str
    description: str
    licence: str
    aliases: Sequence[str]
    files: Sequence[str]
    limits: LimitsDocument
    input_schema: dict[str, Any]
    url: str


class ModelList(msgspec.Struct, frozen=True):
    """All models; the first of a task is its default."""

    items: list[ModelDocument]


class QueueDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A queue now. depth: waiting jobs by lane. delayed: those that wait for their next attempt.

    running: in workers' hands. oldest_age_s: how long the first in line has waited. workers: how many serve it.
    bound: waiting jobs beyond which submits get 429.
    """

    name: str
    models: list[str]
    depth: dict[str, int]
    delayed: int
    running: int
    oldest_age_s: float | None
    workers: int
    bound: int


class QueueList(msgspec.Struct, frozen=True):
    """All queues."""

    items: list[QueueDocument]


def model_document(model: Model) -> ModelDocument:
    """A model as users see it."""
    limits = model.limits
    return ModelDocument(
        id=model.id,
        title=model.title,
        task=model.task,
        queue=model.queue,
        description=model.description,
        licence=model.licence,
        aliases=model.aliases,
        files=model.files,
        limits=LimitsDocument(**{name: getattr(limits, name) for name in limits.__struct_fields__}),
        input_schema=model.input,
        url=f"/v1/models/{model.id}",
    )
