"""Progress of a run on its way to whoever looks on: rate-limited, bounded, and never in the job's way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from evoke.codec import encode_progress
from evoke.domain.progress import Preview, Progress
from evoke.ports.model_client import LogLine, StepDone
from evoke.ports.progress_channel import ProgressChannel
from worker_sidecar.journal import now_ms
from worker_sidecar.outputs import MEDIA_TYPE

STEP_EVERY_S = 0.05
PREVIEW_EVERY_S = 0.2
MAX_PREVIEW_BYTES = 100 << 10
MAX_LOG_CHARS = 2000
LOGS_PER_STEP = 20


class Reports:
    """The reports of one attempt. The newest step is always told in the end; previews and lines may be left out."""

    def __init__(self, channel: ProgressChannel, queue: str, identity: Mapping[str, Any]) -> None:
        """identity: the fields of `Progress` that say whose report it is."""
        self._channel = channel
        self._queue = queue
        self._who = identity
        self._loop = asyncio.get_running_loop()
        self._pending: StepDone | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_step = self._next_preview = 0.0
        self._logs = 0

    def step(self, message: StepDone) -> None:
        """Tell a step, now or when it is time; a newer one takes its place."""
        self._pending = message
        if self._timer is None:
            now = self._loop.time()
            if now >= self._next_step:
                self._tell_step()
            else:
                self._timer = self._loop.call_at(self._next_step, self._tell_step)

    def log(self, message: LogLine) -> None:
        """Tell a line, unless there were too many since the last step."""
        self._logs += 1
        if self._logs <= LOGS_PER_STEP:
            self._publish(Progress(time_ms=now_ms(), log=message.text[:MAX_LOG_CHARS], **self._who))

    def preview(self, preview: Preview) -> None:
        """Tell a preview, unless it is too large, of a strange type, or there was one a moment ago."""
        now = self._loop.time()
        fit = len(preview.data) <= MAX_PREVIEW_BYTES and MEDIA_TYPE.fullmatch(preview.media_type)
        if fit and now >= self._next_preview:
            self._next_preview = now + PREVIEW_EVERY_S
            self._publish(Progress(time_ms=now_ms(), preview=preview, **self._who))

    def close(self) -> None:
        """Tell nothing more. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell_step(self) -> None:
        self._timer = None
        self._logs = 0
        self._next_step = self._loop.time() + STEP_EVERY_S
        step = self._pending
        if step is not None:
            report = Progress(
                time_ms=now_ms(), step=step.step, total=step.total, unit=step.unit[:40], **self._who
            )
            self._publish(report)

    def _publish(self, report: Progress) -> None:
        self._channel.publish(self._queue, encode_progress(report))
