"""The guardian: a small process that ends everything when the supervisor is gone, however it went.

It reads lines from standard input: `+PID` and `-PID` tell of process groups that began and ended. When the
pipe closes, the supervisor has ended; groups that are still noted then get SIGTERM, and SIGKILL some seconds
later. It inherits the lock on the data folder, so that no other evoke takes the folder before all is quiet.
Standard library only: it costs one small process.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable

TERMINATE_S = 8.0
POLL_S = 0.05


def main(arguments: list[str]) -> int:
    """Watch standard input until it closes, then clean up. arguments: the runtime folder to remove."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_groups(read_groups(sys.stdin))
    for folder in arguments:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def read_groups(lines: Iterable[str]) -> set[int]:
    """Follow the notes to their end and return the process groups that are left."""
    groups: set[int] = set()
    for line in lines:
        sign, number = line[:1], line[1:].strip()
        if number.isdecimal() and sign == "+":
            groups.add(int(number))
        elif number.isdecimal() and sign == "-":
            groups.discard(int(number))
    return groups


def end_groups(groups: set[int]) -> None:
    """End process groups: SIGTERM, a grace of TERMINATE_S seconds, SIGKILL."""
    left = {group for group in groups if signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + TERMINATE_S
    while left and time.monotonic() < deadline:
        time.sleep(POLL_S)
        left = {group for group in left if signal_group(group, 0)}
    for group in left:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group (0: none, just ask); False when there is none any more."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
