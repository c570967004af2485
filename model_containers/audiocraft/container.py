"""The model of the container: one checkpoint behind the SDK's interface.

torch and transformers take seconds to import, so what needs them is imported when a checkpoint is loaded: the process
answers its health check meanwhile, and `--help` answers at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from model_containers.audiocraft.checkpoint_facts import UNKNOWN, Facts
from model_containers.audiocraft.checkpoint_layouts import Layout, layout_of
from model_containers.audiocraft.model_argument import ModelArgument
from model_containers.audiocraft.placement import Placement
from model_containers.audiocraft.sound_settings import settings_of
from model_containers.checkpoints.compute_thread import ComputeThread
from model_containers.sdk import BatchModel, BatchRun, CheckpointError, Manifest, Result

if TYPE_CHECKING:
    from model_containers.audiocraft.loading import LoadedModel

_log = logging.getLogger(__name__)


class AudioModel(BatchModel):
    """One checkpoint.

    It describes itself from the checkpoint's configs: also before it is loaded, and when its weights are broken.
    """

    def __init__(
        self, argument: ModelArgument, placement: Placement, compute: ComputeThread | None = None
    ) -> None:
        """compute: where networks run; the same for all models of a container."""
        self._compute = compute or ComputeThread(placement.threads)
        self._argument = argument
        self._placement = placement
        self._lock = threading.Lock()
        self._loaded: LoadedModel | None = None
        self._layout: Layout | CheckpointError
        try:
            self._layout = layout_of(argument.weights)
            self._facts = self._layout.facts(placement.bounds)
        except CheckpointError as error:
            self._layout, self._facts = error, UNKNOWN
        self.max_batch = placement.batch
        self.manifest = _manifest(argument.id, self._facts, placement)

    def setup(self) -> None:
        """Load the checkpoint, unless that is to wait for its first run. Raises CheckpointError."""
        if not self._placement.lazy:
            self._model()
        elif isinstance(self._layout, CheckpointError):
            raise self._layout

    def batch_key(self, input: Mapping[str, Any]) -> Hashable:
        """Sounds that need one window go together; longer ones by how far their windows move."""
        duration = input.get("duration_s", self._facts.defaults.duration_s)
        stride = input.get("extend_stride_s", self._facts.defaults.extend_stride_s)
        return None if duration <= self._facts.window_s else stride

    def generate_batch(
        self, inputs: Sequence[Any], runs: Sequence[BatchRun]
    ) -> Sequence[Result | Exception | None]:
        """Make the sounds of these runs and write each as it is done."""
        return self._compute.do(lambda: self._served(inputs, runs))

    def _served(self, inputs: Sequence[Any], runs: Sequence[BatchRun]) -> Sequence[Result | Exception | None]:
        from model_containers.audiocraft.serving_batches import serve

        started = time.perf_counter()
        model = self._model()
        loaded = time.perf_counter()
        settings = [settings_of(each, self.manifest.schema) for each in inputs]
        return serve(model, self._argument.id, settings, runs, {"load": (loaded - started) * 1e3})

    def _model(self) -> LoadedModel:
        """The loaded checkpoint. Raises CheckpointError."""
        if isinstance(self._layout, CheckpointError):
            raise self._layout
        with self._lock:
            if self._loaded is None:
                layout = self._layout
                self._loaded = self._compute.do(
                    lambda: _load(self._argument.id, layout, self._facts, self._placement)
                )
            return self._loaded


def _load(model_id: str, layout: Layout, facts: Facts, placement: Placement) -> LoadedModel:
    started = time.perf_counter()
    _log.info("loading torch and transformers", extra={"model": model_id})
    from model_containers.audiocraft import loading
    from model_containers.checkpoints import device

    imported = time.perf_counter()
    chosen = device.choose_device(placement.device, placement.dtype)
    loaded = loading.load(layout, facts, chosen)
    _log.info(
        "loaded %s on %s: libraries in %.1f s, weights in %.1f s",
        model_id,
        chosen.name,
        imported - started,
        time.perf_counter() - imported,
        extra={"model": model_id},
    )
    return loaded


def _manifest(model_id: str, facts: Facts, placement: Placement) -> Manifest:
    bounds = facts.bounds
    return Manifest(
        id=model_id,
        task=facts.task,
        input=facts.schema,
        max_concurrency=placement.batch,
        limits={
            "max_duration_s": float(bounds.max_duration_s),
            "max_prompt_len": float(bounds.max_prompt_len),
            "rate_hz": float(facts.rate_hz),
            "window_s": float(facts.window_s),
        },
    )
