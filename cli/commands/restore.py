"""`evoke admin restore`: the archive goes on with a new log, after the loss of the one that it was of."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import CommandFailed, Unreachable, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evoke.ports.archive import Archive
    from evoke.settings import Settings

STOPPED_S = 30.0
"""How long an archiver may take that refuses to start, and ends."""


def restore(
    beside_others: Annotated[
        bool,
        typer.Option(
            "--beside-others", help="Go on although the new log holds events already: they are kept."
        ),
    ] = False,
) -> None:
    """Let the archive go on with a new log, after Pulsar has lost the one that it was of.

    Stop every process of evoke first. All that is archived stays, and every job that the archive has seen no end of is
    put into its queue again. A run that was cut off goes on where it was when it is started again.
    """
    from evoke.domain.errors import Conflict, EvokeError, InvalidInput
    from evoke.settings import load_settings

    try:
        asyncio.run(_restore(load_settings(), beside_others))
    except InvalidInput as error:
        raise Usage(str(error)) from error
    except Conflict as error:
        raise CommandFailed(str(error)) from error
    except EvokeError as error:
        raise Unreachable(str(error), "Run it again: it goes on where it was.") from error


async def _restore(settings: Settings, beside_others: bool) -> None:
    from evoke import bootstrap
    from evoke.continuity import NAMELESS
    from evoke.failpoints import Failpoints
    from evoke.restoration import Lost, Restoration

    queues = bootstrap.load_catalogue(settings.catalogue).queues
    async with AsyncExitStack() as opened:
        archive = await bootstrap.open_archive(settings)
        opened.push_async_callback(archive.close)
        await archive.prepare()
        for _ in await asyncio.to_thread(lambda: list(bootstrap.prepare_engine(settings, queues))):
            pass
        lease = await bootstrap.open_archiver_lease(settings)
        try:
            await asyncio.wait_for(lease.acquire(), STOPPED_S)
        except TimeoutError:
            raise Usage("an archiver is at work: stop every process of evoke first") from None
        opened.push_async_callback(lease.release)
        if not await _lost(settings, archive, queues, beside_others):
            print("There is nothing to restore: the archive goes on with this log.")
            return
        if await archive.log() is None:
            await archive.watermark()
            await archive.continue_with(NAMELESS)
        archived = await archive.log() or NAMELESS
        await _tell_reach(archive)
        await asyncio.to_thread(bootstrap.continue_log, settings, archived)
        failpoints = Failpoints(settings.failpoints)
        failpoints.reach("restore.after_epoch")
        log = await bootstrap.open_event_log(settings)
        opened.push_async_callback(log.close)
        history = await bootstrap.open_history(settings)
        opened.push_async_callback(history.close)
        parts = bootstrap.parts_of(settings)
        lost = Lost(archived, archive, history)
        done = await Restoration(lost, log, queues, parts=parts, reach=failpoints.reach).run()
    print(f"unfinished jobs in their queues: {done.jobs}, of which {done.before} by an earlier run")
    for job_id in done.left_out:
        print(
            f"an unfinished job cannot go on, since its submission is not archived or its queue is gone: {job_id}"
        )
    print(f"The archive goes on with {bootstrap.engine_name(settings)} now: start the processes.")


async def _lost(settings: Settings, archive: Archive, queues: Sequence[str], beside_others: bool) -> bool:
    """Whether the archive is of another log, that can be followed by this one. Raises Conflict, Unavailable."""
    from evoke import bootstrap
    from evoke.continuity import require_continued
    from evoke.domain import topics
    from evoke.domain.errors import Conflict, LogReplaced

    archived, watermark = await archive.log(), await archive.watermark()
    names = [name for queue in queues for name in topics.logged(queue, bootstrap.parts_of(settings))]
    log = await bootstrap.open_event_log(settings)
    try:
        await require_continued(log, archived, {name: watermark.get(name) for name in names})
    except LogReplaced as error:
        if await log.identity() == archived:
            raise Conflict(
                f"{error.args[0].partition(';')[0]}; it holds events that are archived: a log that was set back "
                "can't be followed. Delete its namespace, or name another (EVOKE_PULSAR_NAMESPACE), and run this again"
            ) from error
        begun = archived is not None and await asyncio.to_thread(bootstrap.log_continues, settings, archived)
        used = [name for name in names if await log.end(name) is not None]
        if used and not (begun or beside_others):
            raise Conflict(
                f"{used[0]} holds events already: if they are of another system, the settings name the wrong "
                "namespace; if they came after the loss, --beside-others keeps them"
            ) from error
        return True
    finally:
        await log.close()
    return False


async def _tell_reach(archive: Archive) -> None:
    newest_ms = await archive.newest_ms()
    if newest_ms is None:
        print("The archive holds no events.")
        return
    from evoke.codec import rfc3339

    print(
        f"The archive reaches to {rfc3339(newest_ms)}: what came after that was lost with the log.",
        flush=True,
    )
