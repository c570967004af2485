"""The outermost frame of every process: settings, logs, event loop, signals, exit codes.

    def main() -> None:
        sys.exit(run("archiver", serve))

    async def serve(settings: Settings, stop: asyncio.Event) -> None:
        ...  # until stop is set, then finish what is under way and return

The first SIGTERM or SIGINT sets `stop`. A process that has not returned `drain_s` and a second later, or
that gets a second signal, is cancelled. Standard error tells what was wrong with a setting; nobody needs a
traceback for that.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import IntEnum

import uvloop

from evoke.domain.errors import EvokeError, InvalidInput
from evoke.settings import Settings, load_settings, misspelt
from evoke.telemetry import configure_logging

Serve = Callable[[Settings, asyncio.Event], Awaitable[None]]

_GC_THRESHOLDS = (20_000, 50, 100)
"""Most of what a process makes is freed by its reference counts: to look for cycles as often as is the default costs
one part in fifteen of its time."""

_log = logging.getLogger(__name__)


class ExitCode(IntEnum):
    """How a process ended. A supervisor starts none again that ended with WRONG_SETTING."""

    STOPPED = 0
    CRASHED = 1
    WRONG_SETTING = 2


def run(
    process: str, serve: Serve, overrides: Mapping[str, object] | None = None, *, stages_s: float = 1.0
) -> int:
    """Run a process to its end and return its exit code.

    process: its name in the logs. overrides: settings by field name that win over the environment (options
    of the command line). stages_s: seconds that stopping may take beyond the drain. An InvalidInput that
    `serve` raises while it starts counts as a wrong setting too.
    """
    try:
        settings = load_settings(overrides)
        configure_logging(process, settings.log_level, settings.log_format)
        for name, meant in misspelt(os.environ).items():
            _log.warning("%s is no setting; did you mean %s?", name, meant)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(settings, serve, settings.drain_s + stages_s))
    except InvalidInput as error:
        print(f"evoke {process}: {error}", file=sys.stderr)
        return ExitCode.WRONG_SETTING
    except asyncio.CancelledError:
        _log.error("stopped before its work was finished", extra={"event": "stop_forced"})
        return ExitCode.CRASHED
    except EvokeError as error:
        _log.error("cannot go on: %s", error, extra={"code": error.code})
        return ExitCode.CRASHED
    except ExceptionGroup as group:
        # Of tasks that run together: what evoke raised on purpose needs no traceback here either.
        ours, crashed = group.split(EvokeError)
        for each in _leaves(ours):
            _log.error("cannot go on: %s", each, extra={"code": getattr(each, "code", None)})
        if crashed is not None:
            _log.critical("crashed", exc_info=crashed)
        return ExitCode.CRASHED
    except Exception:
        _log.critical("crashed", exc_info=True)
        return ExitCode.CRASHED
    finally:
        gc.unfreeze()  # what was frozen is let go too, or native libraries report it as leaked
    return ExitCode.STOPPED


def _leaves(group: ExceptionGroup[Exception] | None) -> Iterator[Exception]:
    for error in () if group is None else group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def settle() -> None:
    """Call this once a process is built up: the collector of cycles then leaves alone what lives to its end anyway."""
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.freeze()


async def _until_stopped(settings: Settings, serve: Serve, grace_s: float) -> None:
    stop = asyncio.Event()
    task = asyncio.ensure_future(serve(settings, stop))
    loop = asyncio.get_running_loop()

    def on_signal(name: str) -> None:
        if stop.is_set():
            task.cancel()
            return
        _log.info("stopping", extra={"signal": name, "grace_s": grace_s})
        stop.set()
        loop.call_later(grace_s, task.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number.name)
    await task
