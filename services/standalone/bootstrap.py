"""Reads the settings' catalogue and connects to containers, for the supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import evoke
from evoke.bootstrap import connect_model, load_catalogue, prepare_engine
from evoke.domain.catalogue import Catalogue
from evoke.settings import Settings
from services.standalone.installation import Installation

ROOT = Path(evoke.__file__).resolve().parents[1]


def open_catalogue(settings: Settings) -> tuple[Catalogue, Installation]:
    """The catalogue, and what of it this machine can run. Raises InvalidInput."""
    folder = settings.catalogue.resolve().parent if settings.catalogue is not None else ROOT
    catalogue = load_catalogue(settings.catalogue)
    return catalogue, Installation(ROOT, folder, settings.models_folder.resolve(), catalogue.containers)


async def prepare(settings: Settings, queues: Sequence[str]) -> list[str]:
    """Make what the engine lacks for these queues; a line for each thing. Raises Unavailable."""
    return await asyncio.to_thread(lambda: list(prepare_engine(settings, queues)))


async def container_serves(address: str) -> tuple[str, ...]:
    """The ids of the models that a container serves; waits until it does. Raises ModelUnavailable."""
    client = await connect_model(address)
    try:
        return tuple(model.id for model in await client.describe())
    finally:
        await client.close()
