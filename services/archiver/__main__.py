"""`python -m services.archiver [run|prepare|compact|expire]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterator

import uvloop

from evoke.domain.errors import EvokeError, InvalidInput
from evoke.settings import load_settings
from evoke.telemetry import configure_logging
from services.archiver import bootstrap

_COMMANDS = {
    "run": bootstrap.run,
    "prepare": bootstrap.prepare,
    "compact": bootstrap.compact,
    "expire": bootstrap.expire,
}


def main() -> int:
    """Run the archiver, or one piece of its upkeep; return the exit status: 0, 1 (failed), 2 (wrong setting)."""
    parser = argparse.ArgumentParser(
        prog="python -m services.archiver",
        description="Moves every event from the log into the archive. Settings: EVOKE_* variables.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=tuple(_COMMANDS),
        default="run",
        help="run: archive until told to stop (default); prepare: make the table where it is missing; "
        "compact: merge small files once; expire: forget old snapshots once",
    )
    arguments = parser.parse_args()
    try:
        settings = load_settings()
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 2
    configure_logging("archiver", settings.log_level, settings.log_format)
    # It tells of every file that it opens.
    logging.getLogger("pyiceberg").setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_COMMANDS[arguments.command](settings))
    except* EvokeError as errors:
        failed = [str(error) for error in _leaves(errors)]
    else:
        failed = []
    for reason in failed:
        logging.getLogger(__name__).critical("archiver failed", extra={"reason": reason})
    return 1 if failed else 0


def _leaves(group: BaseExceptionGroup[EvokeError]) -> Iterator[EvokeError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    sys.exit(main())
