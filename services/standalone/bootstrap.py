"""Reads the settings' catalogue and connects to containers, for the supervisor."""

from __future__ import annotations

from pathlib import Path

import evoke
from evoke.bootstrap import connect_model, load_catalogue
from evoke.domain.catalogue import Catalogue
from evoke.settings import Settings
from services.standalone.installation import Installation

ROOT = Path(evoke.__file__).resolve().parents[1]


def open_catalogue(settings: Settings) -> tuple[Catalogue, Installation]:
    """The catalogue, and what of it this machine can run. Raises InvalidInput."""
    folder = settings.catalogue.resolve().parent if settings.catalogue is not None else ROOT
    models_dir = settings.models_dir.resolve() if settings.models_dir is not None else None
    return load_catalogue(settings.catalogue), Installation(ROOT, folder, models_dir)


async def container_serves(address: str) -> tuple[str, ...]:
    """The ids of the models that a container serves; waits until it does. Raises ModelUnavailable."""
    client = await connect_model(address)
    try:
        return tuple(model.id for model in await client.describe())
    finally:
        await client.close()
