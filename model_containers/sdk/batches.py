"""Gathers the runs of one model into batches, and serves the batches one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from model_containers.sdk.batch_run import BatchRun
from model_containers.sdk.endings import told_end
from model_containers.sdk.errors import DeadlineExceeded
from model_containers.sdk.model import BatchModel
from model_containers.sdk.parts import Result
from model_containers.sdk.run import Run
from model_containers.sdk.threads import ModelThreads

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Entry:
    """A run that waits, or is in a batch. arrived: the event loop's time. ended: called on the event loop."""

    value: Any
    run: Run
    key: object
    arrived: float
    ended: Callable[[], None]


class Batches:
    """The batches of one model. Used on one event loop only."""

    def __init__(self, model: BatchModel, threads: ModelThreads) -> None:
        self._model = model
        self._threads = threads
        self._waiting: list[_Entry] = []
        self._changed = asyncio.Event()
        self._gathering: asyncio.Task[None] | None = None

    def add(self, value: Any, run: Run, ended: Callable[[], None]) -> None:
        """Serve this run with others. Its end goes to its outbox; `ended` is called when the model has let it go."""
        loop = asyncio.get_running_loop()
        self._waiting.append(_Entry(value, run, self._model.batch_key(value), loop.time(), ended))
        self._changed.set()
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.create_task(self._gather())

    def withdraw(self, run: Run) -> None:
        """Let a run go that is still waiting; without effect for one that is in a batch."""
        for entry in [entry for entry in self._waiting if entry.run is run]:
            self._waiting.remove(entry)
            self._changed.set()
            entry.ended()

    async def _gather(self) -> None:
        """Serve batch after batch until nobody waits."""
        while self._waiting:
            await self._until_full_or_late()
            batch = self._together()[: self._model.max_batch]
            self._waiting = [entry for entry in self._waiting if entry not in batch]
            if batch:
                await self._serve(batch)

    async def _until_full_or_late(self) -> None:
        """Wait until a batch is full, or its first run has waited long enough."""
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._together()) < self._model.max_batch:
            self._changed.clear()
            left_s = self._waiting[0].arrived + self._model.batch_wait_s - loop.time()
            if left_s <= 0:
                return
            try:
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
            except TimeoutError:
                return

    def _together(self) -> list[_Entry]:
        """The runs that may share a batch with the one that has waited longest."""
        return [entry for entry in self._waiting if entry.key == self._waiting[0].key]

    async def _serve(self, batch: Sequence[_Entry]) -> None:
        loop = asyncio.get_running_loop()
        served: asyncio.Future[None] = loop.create_future()

        def work() -> None:
            try:
                _run_batch(self._model, batch)
            finally:
                loop.call_soon_threadsafe(served.set_result, None)

        self._threads.run(work)
        await served
        for entry in batch:
            entry.ended()


def _run_batch(model: BatchModel, batch: Sequence[_Entry]) -> None:
    """Serve a batch and end every run of it. Never raises."""
    runs = [BatchRun(entry.run) for entry in batch]
    for run in runs:
        run.metric("batch_size", len(batch))
    try:
        ends = _ends_of(model, batch, runs)
    except BaseException as error:  # SystemExit of a library must not end a thread that others wait for
        _end_broken_batch(model, batch, runs, error)
        return
    for entry, run, end in zip(batch, runs, ends, strict=True):
        _end(entry, run, end)


def _ends_of(
    model: BatchModel, batch: Sequence[_Entry], runs: Sequence[BatchRun]
) -> Sequence[Result | Exception | None]:
    ends = model.generate_batch([entry.value for entry in batch], runs)
    if len(ends) != len(batch):
        raise TypeError(f"generate_batch returned {len(ends)} ends for {len(batch)} inputs")
    return ends


def _end_broken_batch(
    model: BatchModel, batch: Sequence[_Entry], runs: Sequence[BatchRun], error: BaseException
) -> None:
    """One input may have broken the batch for all: whoever has written nothing is served again, by itself."""
    for entry, run in zip(batch, runs, strict=True):
        if len(batch) > 1 and not run.wrote and not run.over:
            _log.warning("a batch failed; its run is served by itself", extra={"job_id": run.job_id})
            _run_batch(model, [entry])
        else:
            _end(entry, run, error)


def _end(entry: _Entry, run: BatchRun, end: Result | BaseException | None) -> None:
    """Send a run's last message: its own failure first, then its deadline, then what the model returned."""
    own = run.failure or (DeadlineExceeded() if run.remaining_s < 0 else None)
    entry.run.outbox.finish(told_end(entry.run, own or end))
