"""Which processes make up a running evoke on this machine, and which models can't run here and why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path

import msgspec

from evoke.domain.catalogue import Catalogue, Model
from evoke.domain.errors import InvalidInput, UnknownModel
from evoke.settings import misspelt
from services.standalone.installation import Installation

SECRETS = ("EVOKE_", "AWS_")


class Stage(IntEnum):
    """The order of stopping: first who takes work in, last who writes down what happened."""

    FRONT = 1
    MODELS = 2
    ARCHIVE = 3


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """How to start one process.

    words: program and arguments. folder: where it is started, None: here. address: where a model container answers,
    None for other processes.
    """

    name: str
    words: tuple[str, ...]
    stage: Stage
    environment: Mapping[str, str] = {}
    address: str | None = None
    folder: Path | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is started. skipped: (model id, reason) of catalogue entries that can't run here."""

    commands: tuple[Command, ...]
    models: tuple[Model, ...]
    skipped: tuple[tuple[str, str], ...]


def chosen_models(
    catalogue: Catalogue, names: Sequence[str], installation: Installation
) -> tuple[tuple[Model, ...], tuple[tuple[str, str], ...]]:
    """Return the models that will run, and those of the catalogue that are left out, each with the reason.

    names: what the user asked for; empty: everything that can run. Raises InvalidInput when there is no
    model of a name, when one that was asked for can't run, and when none can.
    """
    try:
        asked = tuple(dict.fromkeys(catalogue.get(name).id for name in names))
    except UnknownModel as error:
        raise InvalidInput("--models", str(error)) from error
    wanted = [model for model in catalogue.models if not asked or model.id in asked]
    reasons = {model.id: installation.missing(model) for model in wanted}
    for name in asked:
        if reasons[name] is not None:
            raise InvalidInput("--models", f"{name} can't run here: {reasons[name]}")
    running = tuple(model for model in wanted if reasons[model.id] is None)
    skipped = tuple((name, reason) for name, reason in reasons.items() if reason is not None)
    if not running:
        raise InvalidInput("--models", f"no model can run here: {'; '.join(f'{n}: {r}' for n, r in skipped)}")
    return running, skipped


def make_plan(  # noqa: PLR0913, PLR0917  # what a plan is made of
    models: Sequence[Model],
    skipped: Sequence[tuple[str, str]],
    installation: Installation,
    environment: Mapping[str, str],
    runtime: Path,
    metrics_port: Callable[[], int] = lambda: 0,
) -> Plan:
    """Lay out the processes: API, archiver, every container, a sidecar per queue.

    environment: what evoke's own processes get (containers get the rest of it, without EVOKE_* and
    credentials). runtime: a private folder with a short path, for sockets. metrics_port: gives a free port for the
    figures of each process other than the API; 0: it serves none.
    """
    containers = list(dict.fromkeys(model.container for model in models))
    outside = {name: value for name, value in environment.items() if not name.startswith(SECRETS)}
    queues = _queues(models)
    commands = [
        Command(name="api", words=_module("services.api"), stage=Stage.FRONT, environment=environment),
        Command(
            name="archiver",
            words=_module("services.archiver"),
            stage=Stage.ARCHIVE,
            environment={**environment, **_figures_at(metrics_port())},
        ),
    ]
    commands += [_container(name, models, installation, outside, runtime) for name in containers]
    for queue, container in queues.items():
        settings = {"EVOKE_QUEUE": queue, "EVOKE_MODEL_ADDRESS": address_of(container, runtime)}
        commands.append(
            Command(
                name=f"sidecar:{queue}" if len(queues) > 1 else "sidecar",
                words=_module("worker_sidecar"),
                stage=Stage.FRONT,
                environment={**environment, **settings, **_figures_at(metrics_port())},
            )
        )
    return Plan(commands=tuple(commands), models=tuple(models), skipped=tuple(skipped))


def _figures_at(port: int) -> dict[str, str]:
    return {"EVOKE_METRICS_PORT": str(port)}


def address_of(container: str, runtime: Path) -> str:
    """gRPC address of a container: a Unix socket in the private folder."""
    return f"unix:{runtime / container}.sock"


def environment_of_children(environment: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """That environment with the given EVOKE_* variables, and output that is not held back.

    Misspelt settings stay here: this process has told of them, once.
    """
    own = {name: value for name, value in environment.items() if name not in misspelt(environment)}
    return {**own, **settings, "PYTHONUNBUFFERED": "1"}


def _container(
    container: str,
    models: Sequence[Model],
    installation: Installation,
    environment: Mapping[str, str],
    runtime: Path,
) -> Command:
    address = address_of(container, runtime)
    start = installation.start_of(container, address)
    words = list(start.words)
    for model in models:
        weights = installation.weights(model) if model.container == container else None
        if weights is not None:
            config = model.source.config if model.source is not None and weights.is_file() else None
            words += ["--model", f"{model.id}={weights}" + (f",config={config}" if config else "")]
    return Command(
        name=container,
        words=tuple(words),
        stage=Stage.MODELS,
        environment={**environment, **start.environment},
        address=address,
        folder=start.folder,
    )


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


def _queues(models: Sequence[Model]) -> dict[str, str]:
    """The container behind each queue. Raises InvalidInput when a queue would need two."""
    queues: dict[str, str] = {}
    for model in models:
        if queues.setdefault(model.queue, model.container) != model.container:
            raise InvalidInput(
                "EVOKE_CATALOGUE",
                f"queue {model.queue} is served by {queues[model.queue]} and by {model.container}",
            )
    return queues
