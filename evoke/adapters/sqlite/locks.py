"""Locks between processes: `flock(2)` on small files beside the log, which the kernel drops when their holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


class FileLock:
    """One lock file. Holders in one process exclude each other too, as each has its own open file description."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it where it is missing. Raises OSError."""
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> None:
        """Wait for the lock, alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def share(self) -> None:
        """Wait for the lock, beside others who share it; held alone before, it is shared from now on."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def try_take(self) -> bool:
        """Take the lock alone if nobody has it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go of the lock and keep the file open."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock and close the file. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class FairLock:
    """A lock that nobody can take twice in a row while another process waits for it.

    `flock` lets a busy holder take it again before the one who waits has even woken up. So whoever wants the lock first
    passes a gate, and closes it behind itself until it has the lock: the last holder then waits at the gate.
    """

    def __init__(self, lock: FileLock, gate: FileLock) -> None:
        self._lock = lock
        self._gate = gate

    def __enter__(self) -> None:
        self._gate.take()
        try:
            self._lock.take()
        finally:
            self._gate.release()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def close(self) -> None:
        """Let go of the lock and close its files. Idempotent."""
        self._lock.close()
        self._gate.close()


class LockFolder:
    """The lock files of one log: `open` (who has it open), `writer` (who writes), and one for each subscriber."""

    def __init__(self, log: Path) -> None:
        """Make the folder where it is missing. Raises OSError."""
        self.path = log.with_name(f"{log.name}.locks")
        self.path.mkdir(mode=0o700, exist_ok=True)

    def opened(self) -> FileLock:
        """The lock that every process shares while it has the log open."""
        return FileLock(self.path / "open")

    def writer(self) -> FairLock:
        """The lock that is held during a transaction."""
        return FairLock(FileLock(self.path / "writer"), FileLock(self.path / "writer-next"))

    def subscriber(self, token: str) -> FileLock:
        """The lock that a subscriber holds for as long as it lives."""
        return FileLock(self._subscriber_path(token))

    def is_dead(self, token: str) -> bool:
        """Tell whether the subscriber's process is gone."""
        try:
            descriptor = os.open(self._subscriber_path(token), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True

    def remove_subscriber(self, token: str) -> None:
        """Remove a dead subscriber's file."""
        self._subscriber_path(token).unlink(missing_ok=True)

    def remove_subscribers(self) -> None:
        """Remove the files of all subscribers; nobody may have the log open."""
        for path in self.path.glob("subscriber-*"):
            path.unlink(missing_ok=True)

    def _subscriber_path(self, token: str) -> Path:
        return self.path / f"subscriber-{token}"
