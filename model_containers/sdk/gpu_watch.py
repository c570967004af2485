"""Tells of each run how busy the GPU was and how much of its memory was taken, where there is a GPU."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk import parts
from model_containers.sdk.gpus import Gpus, Reading
from model_containers.sdk.threads import ModelThreads

Send = Callable[[pb.GenerateResponse], Awaitable[None]]
PERIOD_S = 1.0
"""The driver's own period is up to a second: looking more often shows nothing more."""
LONGEST_S = 2.0
UTILISATION, MEMORY = "gpu_utilisation_ratio", "gpu_memory_bytes"


class GpuWatch:
    """Looks at the GPUs while runs last. What a model reports itself by these names is not told a second time."""

    def __init__(self, gpus: Gpus | None, period_s: float = PERIOD_S, longest_s: float = LONGEST_S) -> None:
        """gpus: None where there is none: then nothing is told.

        period_s: how often to look; longest_s: how long a look may take.
        """
        self._gpus = gpus
        self._threads = ModelThreads()  # of its own: those of models are counted
        self._period_s = period_s
        self._longest_s = longest_s

    @asynccontextmanager
    async def over(self, send: Send) -> AsyncIterator[Send]:
        """Yield the way by which a run's messages are sent: before the last of them it tells what was seen."""
        gpus = self._gpus
        if gpus is None:
            yield send
            return
        seen: list[Reading] = []
        told: set[str] = set()
        looking = asyncio.create_task(self._look_again_and_again(gpus, seen))

        async def pass_on(message: pb.GenerateResponse) -> None:
            part = message.WhichOneof("part")
            if part == "metric":
                told.add(message.metric.name)
            elif part == "done":
                looking.cancel()
                await self._look(gpus, seen)  # a short run is seen once
                for figure in _figures(seen, told):
                    await send(parts.message_of(figure))
            await send(message)

        try:
            yield pass_on
        finally:
            looking.cancel()

    async def _look_again_and_again(self, gpus: Gpus, seen: list[Reading]) -> None:
        while True:
            await asyncio.sleep(self._period_s)
            await self._look(gpus, seen)

    async def _look(self, gpus: Gpus, seen: list[Reading]) -> None:
        """On a thread, and not for long: a driver that hangs must stop neither the container nor a run's end."""

        def look() -> None:
            if (reading := gpus.read()) is not None:
                seen.append(reading)

        with suppress(TimeoutError):
            await asyncio.wait_for(self._threads.call(look), self._longest_s)


def _figures(seen: list[Reading], told: set[str]) -> list[parts.Metric]:
    """Mean of the utilisation, most of the memory."""
    if not seen:
        return []
    figures = {
        UTILISATION: sum(each.utilisation for each in seen) / len(seen),
        MEMORY: float(max(each.used_bytes for each in seen)),
    }
    return [parts.Metric(name, value) for name, value in figures.items() if name not in told]
