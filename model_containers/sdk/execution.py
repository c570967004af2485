"""How a run is carried out: on a thread (a method or a generator), on the loop (an async generator), or in a batch."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk import parts
from model_containers.sdk.batches import Batches
from model_containers.sdk.endings import told_end
from model_containers.sdk.model import BatchModel, Model, Servable
from model_containers.sdk.run import Run
from model_containers.sdk.threads import ModelThreads

Send = Callable[[pb.GenerateResponse], Awaitable[None]]
Released = Callable[[], None]


class Execution:
    """Carries out the runs of a container's models. Lives on one event loop."""

    def __init__(self) -> None:
        self.threads = ModelThreads()
        self._batches: dict[str, Batches] = {}

    async def carry_out(self, model: Servable, value: Any, run: Run, send: Send, released: Released) -> None:
        """Run a model and send what it says. `released` is called once, when the model has let the run go.

        That may be after this returned: a cancelled model ends at its next look.
        """
        if isinstance(model, BatchModel):
            await self._in_batch(model, value, run, send, released)
        elif isinstance(model, Model) and inspect.isasyncgenfunction(model.generate):
            await _on_loop(model, value, run, send, released)
        elif isinstance(model, Model):
            await self._on_thread(model, value, run, send, released)
        else:
            released()
            raise TypeError(f"{type(model).__name__} is neither a Model nor a BatchModel")

    async def _on_thread(self, model: Model, value: Any, run: Run, send: Send, released: Released) -> None:
        loop = asyncio.get_running_loop()

        def work() -> None:
            end = told_end(run, _end_of(model, value, run))
            loop.call_soon_threadsafe(released)
            run.outbox.finish(end)

        self.threads.run(work)
        await _pass_on(run, send)

    async def _in_batch(
        self, model: BatchModel, value: Any, run: Run, send: Send, released: Released
    ) -> None:
        batches = self._batches.setdefault(model.manifest.id, Batches(model, self.threads))
        batches.add(value, run, released)
        try:
            await _pass_on(run, send)
        finally:
            batches.withdraw(run)


async def _pass_on(run: Run, send: Send) -> None:
    try:
        while (message := await run.outbox.next()) is not None:
            await send(message)
    finally:
        run.outbox.cancel()


async def _on_loop(model: Model, value: Any, run: Run, send: Send, released: Released) -> None:
    """Send the parts of an async model, and the end."""
    result = parts.Result()
    opened: set[str] = set()
    found: AsyncIterator[Any] = model.generate(value, run)  # type: ignore[assignment]  # the caller asked what it is
    try:
        async for part in found:
            run.check_cancelled()
            if isinstance(part, parts.Result):
                result = part
                continue
            for message in parts.messages_of(part, opened):
                await send(message)
        await send(parts.done(result))
    finally:
        await found.aclose()  # type: ignore[attr-defined]  # it is an async generator
        run.outbox.cancel()
        released()


def _end_of(model: Model, value: Any, run: Run) -> object:
    """Run a model on this thread; what it returned, or the exception it raised."""
    try:
        found = model.generate(value, run)
        return _drained(found, run) if isinstance(found, Generator) else found
    except BaseException as error:  # SystemExit of a library must not end a thread that others wait for
        return error


def _drained(found: Generator[parts.Part, None, object], run: Run) -> object:
    """Send what a generator yields and return its result, which it yields or returns."""
    result: object = None
    opened: set[str] = set()
    try:
        while True:
            part = next(found)
            run.check_cancelled()
            if isinstance(part, parts.Result):
                result = part
                continue
            report = run.outbox.offer if isinstance(part, parts.Lossy) else run.outbox.put
            for message in parts.messages_of(part, opened):
                report(message)
    except StopIteration as end:
        return result if end.value is None else end.value
    finally:
        found.close()
