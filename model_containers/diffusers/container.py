"""The model of the container: one checkpoint behind the SDK's interface.

torch, diffusers and transformers take seconds to import, so what needs them is imported when a checkpoint is
loaded: the process answers its health check meanwhile, and `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from model_containers.diffusers.checkpoint_facts import UNKNOWN, Facts, facts_of
from model_containers.diffusers.checkpoint_files import CheckpointFiles, checkpoint_files
from model_containers.diffusers.generation_settings import GenerationSettings, settings_of
from model_containers.diffusers.model_argument import ModelArgument
from model_containers.diffusers.placement import Placement
from model_containers.diffusers.shared_passes.rendezvous import Rendezvous
from model_containers.diffusers.shelf import Shelf
from model_containers.sdk import CheckpointError, Manifest, Model, OutOfMemory, Result, Run

if TYPE_CHECKING:
    from model_containers.diffusers.checkpoints import LoadedModel
    from model_containers.diffusers.given_pictures import Given
    from model_containers.diffusers.shared_passes.seat import Seat

_log = logging.getLogger(__name__)


class DiffusersModel(Model):
    """One checkpoint.

    It describes itself from the checkpoint's configs: also before it is loaded, and when its weights are broken.
    """

    def __init__(
        self,
        argument: ModelArgument,
        placement: Placement,
        rendezvous: Rendezvous,
        shelf: Shelf | None = None,
    ) -> None:
        """rendezvous, shelf: the same for all models of a container."""
        self._rendezvous = rendezvous
        self._argument = argument
        self._placement = placement
        self._shelf = shelf or Shelf(None)
        self._files: CheckpointFiles | CheckpointError
        try:
            self._files = checkpoint_files(argument.weights, argument.config)
            self._facts = facts_of(self._files, placement.bounds)
        except CheckpointError as error:
            self._files, self._facts = error, UNKNOWN
        self.manifest = _manifest(argument.id, self._facts, placement)

    def setup(self) -> None:
        """Load the checkpoint, unless that is to wait for its first run. Raises CheckpointError."""
        if not self._placement.lazy:
            with self._model(lambda: None):
                pass
        elif isinstance(self._files, CheckpointError):
            raise self._files

    def generate(self, input: Any, run: Run) -> Result:
        """Make the pictures of one run and write each as it is done."""
        from model_containers.diffusers.given_pictures import given_pictures

        settings = settings_of(input, self.manifest.schema, self._facts.bounds)
        given = given_pictures(settings, run.files)
        started = time.perf_counter()
        with self._model(run.check_cancelled) as model:
            loaded = time.perf_counter()
            self._make(model, settings, given, run)
        ended = time.perf_counter()
        timings = {"load": (loaded - started) * 1e3, "generate": (ended - loaded) * 1e3}
        return Result(seed=settings.seed, timings_ms=timings, result={"images": settings.images})

    def _make(self, model: LoadedModel, settings: GenerationSettings, given: Given | None, run: Run) -> None:
        from model_containers.diffusers import memory

        memory.forget_peak()
        try:
            self._make_all(model, settings, given, run)
        except Exception as error:
            if not isinstance(error, OutOfMemory) and not memory.is_out_of_memory(error):
                raise
            reason = f"{settings.width} x {settings.height} pixels did not fit into memory: {error}"
        else:
            return
        # Only here, where the error and with it the frames that hold tensors are gone, is there something to release.
        memory.release()
        raise OutOfMemory(reason)

    def _make_all(
        self, model: LoadedModel, settings: GenerationSettings, given: Given | None, run: Run
    ) -> None:
        from model_containers.diffusers import generation, memory, reporting

        reporting.remark(model, settings, run)
        reporter = reporting.Reporter(run, self._rendezvous.painter)
        with contextlib.ExitStack() as stack:
            seat = self._seat(model, settings, run)
            if seat is not None:
                stack.enter_context(seat)
            lanes = self._placement.lanes_for(self._facts, shared=seat is not None, on_gpu=model.on_gpu)
            making = generation.Making(model, settings, reporter, seat, given, self._rendezvous.compute.do)
            for picture in making.pictures(lanes):
                reporting.write(picture, self._argument.id, model, settings, run)
        reporter.close()
        if seat is not None and (size := seat.batch_size) is not None:
            run.metric("batch_size", size)
        if (peak := memory.peak_bytes()) is not None:
            run.metric("gpu_memory_bytes", peak)

    def _seat(self, model: LoadedModel, settings: GenerationSettings, run: Run) -> Seat | None:
        """The run's place among those that share passes; None where it has the container for itself."""
        from model_containers.diffusers.loras import LoraChoice
        from model_containers.diffusers.shared_passes.seat import Seat

        if model.loras is None or (self._placement.batch == 1 and not settings.loras):
            return None
        choices = [LoraChoice(each["name"], float(each["weight"])) for each in settings.loras]
        return Seat(self._rendezvous.passes(), model.loras.parts(choices), run.check_cancelled)

    def _model(self, check: Callable[[], None]) -> AbstractContextManager[LoadedModel]:
        """The loaded checkpoint, in memory within the block. Raises CheckpointError, OutOfMemory; as `check` does."""
        if isinstance(self._files, CheckpointError):
            raise self._files
        files = self._files
        return self._shelf.use(
            self._argument.id,
            lambda: self._rendezvous.compute.do(lambda: _load(self._argument.id, files, self._placement)),
            files.size_bytes(),
            check,
        )


def _load(model_id: str, files: CheckpointFiles, placement: Placement) -> LoadedModel:
    files.check()
    started = time.perf_counter()
    _log.info("loading torch, diffusers and transformers", extra={"model": model_id})
    from model_containers.checkpoints import device
    from model_containers.diffusers import checkpoints

    imported = time.perf_counter()
    chosen = device.choose_device(placement.device, placement.dtype)
    _log.info("loading %s on %s", files.weights, chosen.name, extra={"model": model_id})
    loaded = checkpoints.load(files, chosen, placement)
    _log.info(
        "loaded %s: libraries in %.1f s, weights in %.1f s",
        model_id,
        imported - started,
        time.perf_counter() - imported,
        extra={"model": model_id},
    )
    return loaded


def _manifest(model_id: str, facts: Facts, placement: Placement) -> Manifest:
    bounds = facts.bounds
    limits = {
        "max_pixels": float(bounds.max_pixels),
        "max_images": float(bounds.max_images),
        "max_steps": float(bounds.max_steps),
        "lazy": float(placement.lazy),
        "batched_runs": float(placement.batch_for(facts)),
    }
    return Manifest(
        id=model_id,
        task="text-to-image",
        input=facts.schema,
        max_concurrency=placement.batch_for(facts),
        limits=limits,
    )
