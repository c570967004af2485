"""`evoke migrate`: from one machine's files into the distributed engine."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import CommandFailed, Unreachable, Usage

if TYPE_CHECKING:
    from evoke.settings import Settings

STOPPED_S = 2.0
"""How long an evoke that is just ending in the folder may take."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(migrate)


def migrate(
    source: Annotated[Path, typer.Option("--from", help="The data folder of the evoke that is left.")],
    beside_others: Annotated[
        bool, typer.Option("--beside-others", help="Begin although the target holds events already.")
    ] = False,
) -> None:
    """Tell a laptop's whole log, and its artifacts, to the distributed engine that the EVOKE_* settings name.

    Stop the evoke that is left first. A run that was cut off goes on where it was when it is started again.
    """
    from evoke.domain.errors import Conflict, EvokeError, InvalidInput
    from evoke.settings import load_settings

    if not (source / "log.sqlite").is_file():
        raise Usage(f"--from: {source} is no data folder of evoke: it holds no log.sqlite")
    try:
        target = load_settings()
        if target.engine != "distributed":
            raise Usage("EVOKE_ENGINE must be 'distributed': set it and the settings of its servers")
        left = load_settings({"engine": "embedded", "data_dir": source})
        asyncio.run(_migrate(left, target, beside_others))
    except InvalidInput as error:
        raise Usage(str(error)) from error
    except Conflict as error:
        raise CommandFailed(str(error), "--beside-others begins all the same.") from error
    except EvokeError as error:
        raise Unreachable(str(error), "Run it again: it goes on where it was.") from error


async def _migrate(left: Settings, target: Settings, beside_others: bool) -> None:
    from evoke import bootstrap
    from evoke.migration.artifacts import ArtifactCopier
    from evoke.migration.migration import Migration, Source
    from evoke.migration.progress import ProgressFile

    queues = bootstrap.load_catalogue(target.catalogue).queues
    for _ in await asyncio.to_thread(lambda: list(bootstrap.prepare_engine(target, queues))):
        pass
    async with AsyncExitStack() as opened:
        lease = await bootstrap.open_archiver_lease(left)
        try:
            await asyncio.wait_for(lease.acquire(), STOPPED_S)
        except TimeoutError:
            raise Usage(f"an evoke runs in {left.data_dir}: stop it first") from None
        opened.push_async_callback(lease.release)
        archive = await bootstrap.open_archive(left)
        opened.push_async_callback(archive.close)
        await archive.prepare()
        log = await bootstrap.open_event_log(left)
        opened.push_async_callback(log.close)
        new_log = await bootstrap.open_event_log(target)
        opened.push_async_callback(new_log.close)
        blobs = await bootstrap.open_blob_store(left)
        opened.push_async_callback(blobs.close)
        new_blobs = await bootstrap.open_blob_store(target)
        opened.push_async_callback(new_blobs.close)
        copier = ArtifactCopier(blobs, new_blobs)
        file = ProgressFile(left.data_dir / "migration.json", bootstrap.engine_name(target))
        parts = bootstrap.parts_of(target)
        migration = Migration(Source(log, archive), new_log, copier, file, parts=parts)
        async for told in migration.run(queues, beside_others=beside_others):
            print(f"{told.topic}: {told.entries} entries", flush=True)
    print(f"artifacts copied: {copier.copied}")
    for key in copier.missing:
        print(f"an artifact is not in {left.data_dir}, and hence not copied: {key}")
    print(f"All of {left.data_dir} is in {bootstrap.engine_name(target)} now.")
