"""The model of the container: one checkpoint behind the SDK's interface.

torch, diffusers and transformers take seconds to import, so what needs them is imported when a checkpoint is
loaded: the process answers its health check meanwhile, and `--help` answers at once.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from model_containers.diffusers.checkpoint_facts import UNKNOWN, Facts, facts_of
from model_containers.diffusers.checkpoint_files import CheckpointFiles, checkpoint_files
from model_containers.diffusers.generation_settings import GenerationSettings, settings_of
from model_containers.diffusers.input_schema import Bounds
from model_containers.diffusers.model_argument import ModelArgument
from model_containers.sdk import CheckpointError, Manifest, Model, OutOfMemory, Result, Run

if TYPE_CHECKING:
    from model_containers.diffusers.checkpoints import LoadedModel

SMALL_SIDE = 256
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Placement:
    """How the models of a container run. device, dtype, threads: as `choose_device` takes them.

    lanes: pictures of one group (see `generation.py`); None: 2 where the model's pictures are small, so that a second
    one costs little, else 1. lazy: load a checkpoint at its first run rather than at start.
    """

    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    lanes: int | None = None
    lazy: bool = False
    bounds: Bounds = field(default_factory=Bounds)

    def lanes_for(self, facts: Facts) -> int:
        """Pictures of one group of a checkpoint."""
        return self.lanes or (2 if facts.defaults.width <= SMALL_SIDE else 1)


class DiffusersModel(Model):
    """One checkpoint.

    It describes itself from the checkpoint's configs: also before it is loaded, and when its weights are broken.
    """

    def __init__(self, argument: ModelArgument, placement: Placement) -> None:
        self._argument = argument
        self._placement = placement
        self._lock = threading.Lock()
        self._loaded: LoadedModel | None = None
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
            self._model()
        elif isinstance(self._files, CheckpointError):
            raise self._files

    def generate(self, input: Any, run: Run) -> Result:
        """Make the pictures of one run and write each as it is done."""
        settings = settings_of(input, self.manifest.schema, self._facts.bounds)
        started = time.perf_counter()
        model = self._model()
        loaded = time.perf_counter()
        self._make(model, settings, run)
        ended = time.perf_counter()
        timings = {"load": (loaded - started) * 1e3, "generate": (ended - loaded) * 1e3}
        return Result(seed=settings.seed, timings_ms=timings, result={"images": settings.images})

    def _make(self, model: LoadedModel, settings: GenerationSettings, run: Run) -> None:
        from model_containers.diffusers import memory

        memory.forget_peak()
        try:
            self._make_all(model, settings, run)
        except Exception as error:
            if not memory.is_out_of_memory(error):
                raise
            reason = f"{settings.width} x {settings.height} pixels did not fit into memory: {error}"
        else:
            return
        # Only here, where the error and with it the frames that hold tensors are gone, is there something to release.
        memory.release()
        raise OutOfMemory(reason)

    def _make_all(self, model: LoadedModel, settings: GenerationSettings, run: Run) -> None:
        from model_containers.diffusers import generation, memory, reporting

        reporting.remark(model, settings, run)
        lanes = self._placement.lanes_for(self._facts)
        for picture in generation.make_pictures(model, settings, lanes, reporting.Reporter(run)):
            reporting.write(picture, self._argument.id, model, settings, run)
        if (peak := memory.peak_bytes()) is not None:
            run.metric("gpu_memory_bytes", peak)

    def _model(self) -> LoadedModel:
        """The loaded checkpoint. Raises CheckpointError, OutOfMemory."""
        if isinstance(self._files, CheckpointError):
            raise self._files
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self._argument.id, self._files, self._placement)
            return self._loaded


def _load(model_id: str, files: CheckpointFiles, placement: Placement) -> LoadedModel:
    files.check()
    started = time.perf_counter()
    _log.info("loading torch, diffusers and transformers", extra={"model": model_id})
    from model_containers.diffusers import checkpoints, device

    imported = time.perf_counter()
    chosen = device.choose_device(placement.device, placement.dtype, placement.threads)
    _log.info("loading %s on %s", files.weights, chosen.name, extra={"model": model_id})
    loaded = checkpoints.load(files, chosen)
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
    }
    return Manifest(id=model_id, task="text-to-image", input=facts.schema, max_concurrency=1, limits=limits)
