"""The run of a model: its messages go to the outputs and to the reports, until it is done."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import aclosing

from evoke.domain.errors import ErrorClass, ModelFailed, ModelUnavailable
from evoke.domain.progress import Preview
from evoke.failpoints import Failpoints
from evoke.ports.model_client import (
    Done,
    GenerationRequest,
    LogLine,
    Metric,
    ModelClient,
    ModelMessage,
    OutputBytes,
    OutputStarted,
    StepDone,
)
from worker_sidecar.outputs import Outputs, encoded_size
from worker_sidecar.reports import Reports

MAX_RESULT_BYTES = 64 << 10
MAX_TIMINGS = 64
MAX_METRICS = 64


class ModelRun:
    """One run. metrics: what the model measured of it."""

    def __init__(
        self,
        client: ModelClient,
        outputs: Outputs,
        reports: Reports,
        failpoints: Failpoints,
        count_steps: Callable[[int], None],
    ) -> None:
        """count_steps: told how many steps were done since it was told last."""
        self._count_steps = count_steps
        self._last_step = 0
        self._client = client
        self._outputs = outputs
        self._reports = reports
        self._failpoints = failpoints
        self._begun = False
        self.metrics: dict[str, float] = {}
        self.model_ms = 0.0

    async def generate(self, request: GenerationRequest, on_step: Callable[[StepDone], None]) -> Done:
        """Run the request until every byte is with the outputs. Raises as `ModelClient.generate` and `Outputs` do."""
        self._on_step = on_step
        started = time.perf_counter()
        async with aclosing(self._client.generate(request)) as messages:
            async for message in messages:
                if not self._begun:
                    self._begun = True
                    self._failpoints.reach("sidecar.mid_model")
                if isinstance(message, Done):
                    self.model_ms = (time.perf_counter() - started) * 1000
                    return _checked(message)
                await self._handle(message)
        raise ModelUnavailable("the run ended without a word")

    async def _handle(self, message: ModelMessage) -> None:
        match message:
            case OutputBytes():
                await self._outputs.write(message)
            case OutputStarted():
                self._outputs.start(message)
            case StepDone():
                self._reports.step(message)
                self._on_step(message)
                self._count(message)
            case Preview():
                self._reports.preview(message)
            case LogLine():
                self._reports.log(message)
            case Metric() if len(self.metrics) < MAX_METRICS:
                self.metrics[message.name[:80]] = message.value

    def _count(self, message: StepDone) -> None:
        """Reports may be left out on their way, and a model may begin anew."""
        done = message.step - self._last_step
        self._last_step = message.step
        self._count_steps(max(0, done if done > 0 else min(message.step, 1)))


def _checked(done: Done) -> Done:
    """The end within bounds, without numbers that JSON can't hold. Raises ModelFailed when the result is too long."""
    if done.result and encoded_size(done.result) > MAX_RESULT_BYTES:
        raise ModelFailed(
            ErrorClass.MODEL_ERROR, f"the model's result has more than {MAX_RESULT_BYTES} bytes"
        )
    finite = {name[:80]: round(value, 3) for name, value in done.timings_ms.items() if math.isfinite(value)}
    return Done(done.seed, dict(list(finite.items())[:MAX_TIMINGS]), done.result)
