"""`evoke models add`: from weights to an entry of the catalogue."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cli.failures import CommandFailed, Usage
from cli.output import note
from cli.weights.here import Here, entry_of
from evoke.bootstrap import connect_model, load_catalogue
from evoke.catalogue_file import add_entry
from evoke.domain.catalogue import Catalogue, Limits, Source
from evoke.domain.errors import EvokeError, InvalidInput, ModelUnavailable, UnknownModel
from evoke.domain.weights_place import InPackage, OnDisk, place_of
from evoke.ports.model_client import ModelDescription
from evoke.settings import Settings
from evoke.weights.wish import Wish

START_S = 600.0
TAKEN = ("task", "queue", "container", "limits", "input")
"""What an entry has of another one that it is like."""
NEW_FILE = "models.yaml"


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed. source: the fields of the entry's source."""

    id: str
    source: Mapping[str, Any]
    container: str
    like: str
    queue: str
    title: str
    licence: str


def add_model(settings: Settings, addition: Addition) -> str:
    """Fetch, look, write; returns what to tell. Raises Usage, CommandFailed."""
    try:
        catalogue = load_catalogue(settings.catalogue)
        if any(addition.id in (model.id, *model.aliases) for model in catalogue.models):
            raise Usage(f"the catalogue has a model {addition.id} already")
        source = msgspec.convert({**addition.source}, Source)
        weights = _weights(settings, addition.id, source)
        entry = _entry(catalogue, addition, weights)
        file = settings.catalogue or Path(NEW_FILE)
        add_entry(file, entry)
    except (InvalidInput, UnknownModel, msgspec.ValidationError) as error:
        raise Usage(str(error)) from error
    except EvokeError as error:
        raise CommandFailed(str(error)) from error
    return f"{addition.id} is in {file}; start it: EVOKE_CATALOGUE={file} evoke up --models {addition.id}"


def _weights(settings: Settings, name: str, source: Source) -> Path:
    """Where the weights lie, fetched if need be."""
    place = place_of(source.uri)
    if isinstance(place, OnDisk | InPackage):
        path = Path(place.path).expanduser()
        if isinstance(place, InPackage) or not path.exists():
            raise InvalidInput("SOURCE", f"{path} is not there")
        return path.resolve()
    here = Here.open(settings)
    wish = Wish(
        model=name,
        uri=source.uri,
        sha256=source.sha256,
        size_bytes=source.size_bytes,
        files=source.files,
        allow=source.allow,
        parts=source.parts,
    )
    note(f"{name}: {here.fetch(wish)}")
    receipt = here.store.receipts.get(name)
    return settings.models_folder.resolve() / (receipt.path if receipt is not None else name)


def _entry(catalogue: Catalogue, addition: Addition, weights: Path) -> dict[str, Any]:
    """The entry: of another model, or as the container describes this one."""
    if addition.like:
        known = entry_of(catalogue, addition.like)
        taken: dict[str, Any] = {name: value for name, value in known.items() if name in TAKEN}
    else:
        taken = _described(catalogue, addition, weights)
    told = {
        "id": addition.id,
        "title": addition.title or addition.id,
        **taken,
        **({"queue": addition.queue} if addition.queue else {}),
        "licence": addition.licence,
        "source": dict(addition.source),
    }
    return {name: value for name, value in told.items() if value not in ("", {})}


def _described(catalogue: Catalogue, addition: Addition, weights: Path) -> dict[str, Any]:
    """What the container says of the weights when it has loaded them: so it is known that it can serve them."""
    config = addition.source.get("config")
    argument = f"{addition.id}={weights}" + (f",config={Path(config).resolve()}" if config else "")
    note(f"{addition.id}: loading it in model_containers.{addition.container} to see what it takes")
    found = _ask(f"model_containers.{addition.container}", ["--model", argument], addition.id)
    queues = [model.queue for model in catalogue.served_by(addition.container)]
    limits = {name: _whole(value) for name, value in found.limits.items() if name in Limits.__struct_fields__}
    return {
        "task": found.task,
        "queue": (queues or [addition.id])[0],
        "container": addition.container,
        **({"limits": limits} if limits else {}),
        "input": dict(found.input_schema),
    }


def _ask(module: str, words: Sequence[str], model: str) -> ModelDescription:
    """Start a container, let it describe itself, stop it. Raises CommandFailed with its last lines."""
    with tempfile.TemporaryDirectory(prefix="evoke-") as folder:
        address, log = f"unix:{folder}/model.sock", Path(folder) / "log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", module, "--address", address, *words]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            found = asyncio.run(_first_description(address, process))
        finally:
            process.terminate()
            process.wait(20)
        told = log.read_text(encoding="utf-8", errors="replace").splitlines()
    described = [description for description in found if description.id == model]
    broken = [line for line in told if "can't be used" in line or "Error" in line]
    if not described or broken:
        raise CommandFailed(f"{module} can't serve these weights", *(broken or told)[-6:])
    return described[0]


async def _first_description(address: str, process: subprocess.Popen[bytes]) -> Sequence[ModelDescription]:
    """What the container serves; nothing when it ends before it answers."""
    client = await connect_model(address)
    try:
        async with asyncio.timeout(START_S):
            answer = asyncio.create_task(client.describe())
            while not answer.done() and process.poll() is None:
                await asyncio.wait({answer}, timeout=0.2)
            return await answer if answer.done() else ()
    except (ModelUnavailable, TimeoutError):
        return ()
    finally:
        await client.close()


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number
