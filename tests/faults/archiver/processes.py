"""The archiver as a real process, to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

DEADLINE_S = 60.0
ROOT = Path(__file__).resolve().parents[3]


class ArchiverProcess:
    """`python -m services.archiver` on a data directory."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, data_dir: Path, *arguments: str, **settings: str) -> ArchiverProcess:
        """Start one. settings: names of settings without prefix, in lower case."""
        named = {f"EVOKE_{name.upper()}": value for name, value in settings.items()}
        environment = {
            "PATH": os.environ["PATH"],
            "EVOKE_DATA_DIR": str(data_dir),
            "EVOKE_ARCHIVE_INTERVAL_S": "0.05",
            "EVOKE_ARCHIVE_COMPACT_S": "0.5",
            "EVOKE_ARCHIVE_GRACE_S": "2",
            "EVOKE_LOG_LEVEL": "warning",
            **named,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.archiver", *arguments, env=environment, cwd=ROOT
        )
        return cls(process)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def kill(self) -> None:
        """SIGKILL, unless it has ended."""
        if self.running:
            self._process.kill()

    async def ended(self) -> int:
        """Wait for its end; return its exit status (negative: the signal's number)."""
        return await asyncio.wait_for(self._process.wait(), DEADLINE_S)

    async def stop(self) -> int:
        """SIGTERM, and wait."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        return await self.ended()
