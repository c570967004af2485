"""`python submitting.py URL RATE`: submit at a rate until /tmp/over is there; then print what came of it as JSON.

It runs in a pod, by itself: the standard library alone.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

BODY = json.dumps({"model": "factorial", "input": {"no": 10}}).encode()
OVER = Path("/tmp/over")
DEADLINE_S = 30.0


class Submits:
    """What was accepted, and what was not."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.accepted: list[str] = []
        self.refused: list[str] = []
        self.took_ms: list[float] = []

    async def one(self) -> None:
        """Submit a job over a connection of its own."""
        began = time.monotonic()
        try:
            status, body = await asyncio.wait_for(self._posted(), DEADLINE_S)
        except (OSError, EOFError, TimeoutError, ValueError, IndexError) as error:
            self.refused.append(repr(error))
            return
        self.took_ms.append((time.monotonic() - began) * 1000)
        if status == 202:
            self.accepted.append(json.loads(body)["id"])
        else:
            self.refused.append(f"{status}: {body[:200].decode(errors='replace')}")

    async def _posted(self) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            head = (
                f"POST /v1/jobs HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
            )
            writer.write(head.encode() + BODY)
            answer = await reader.read(-1)
        finally:
            writer.close()
        head_, _, body = answer.partition(b"\r\n\r\n")
        return int(head_.split()[1]), body


async def main(url: str, rate: float) -> None:
    submits = Submits(url)
    began, number = time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        while not OVER.exists():
            group.create_task(submits.one())
            number += 1
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
    took = submits.took_ms or [0.0]
    told = {
        "accepted": submits.accepted,
        "refused": submits.refused,
        "seconds": time.monotonic() - began,
        "slowest_ms": max(took),
        "p95_ms": statistics.quantiles(took, n=20)[-1] if len(took) > 1 else took[0],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
