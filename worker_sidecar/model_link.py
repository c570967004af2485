"""Whether the model container is there, and what it serves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from evoke.domain.errors import ModelUnavailable
from evoke.ports.model_client import ModelClient, ModelDescription
from worker_sidecar.metrics import SidecarMetrics

DESCRIBE_S = 10.0
"""Longest wait for one answer of the container; a hung one never answers."""

LEAST_S = 1.0
AGAIN_S = 0.2

_log = logging.getLogger(__name__)


class ModelLink:
    """The container as the worker sees it: there or away."""

    def __init__(
        self, client: ModelClient, expected: Iterable[str], wait_s: float, metrics: SidecarMetrics
    ) -> None:
        """expected: ids of the catalogue's models of this queue. wait_s: after which an absence is an error."""
        self._client = client
        self._expected = frozenset(expected)
        self._wait_s = wait_s
        self._answer_s = max(LEAST_S, min(DESCRIBE_S, wait_s))
        self._metrics = metrics
        self._suspected = asyncio.Event()
        self.served: frozenset[str] = frozenset()
        self.max_concurrency = 1

    @property
    def up(self) -> bool:
        """Whether the container was there when it was last heard of."""
        return bool(self.served) and not self._suspected.is_set()

    def suspect(self) -> None:
        """A run was lost or hung: take no jobs before the container has answered again."""
        self._suspected.set()

    async def connect(self) -> None:
        """Wait until the container answers, however long that takes, and learn what it serves."""
        loop = asyncio.get_running_loop()
        late_at = loop.time() + self._wait_s
        while (models := await self._described()) is None:
            if loop.time() > late_at:
                _log.error("the model container is away", extra={"for_s": self._wait_s})
                late_at = loop.time() + self._wait_s
            await asyncio.sleep(AGAIN_S)
        self._learn(models)
        self._suspected.clear()
        self._metrics.model_up.set(1)

    async def lost(self) -> None:
        """Wait until the container is away, or suspected of it."""
        away = asyncio.create_task(self._client.lost())
        suspected = asyncio.create_task(self._suspected.wait())
        try:
            await asyncio.wait({away, suspected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            away.cancel()
            suspected.cancel()
            await asyncio.wait({away, suspected})
        self._suspected.set()
        self._metrics.model_up.set(0)
        _log.warning("the model container is away or in doubt: no jobs are taken until it answers")

    async def _described(self) -> Sequence[ModelDescription] | None:
        try:
            async with asyncio.timeout(self._answer_s):
                return await self._client.describe()
        except (ModelUnavailable, TimeoutError) as error:
            _log.debug("the model container does not answer yet", extra={"error": str(error)})
            return None

    def _learn(self, models: Sequence[ModelDescription]) -> None:
        served = frozenset(model.id for model in models)
        if served != self.served:
            _log.info("the model container is there", extra={"models": sorted(served)})
            if served != self._expected:
                _log.warning(
                    "the container's models are not those that the catalogue has for this queue",
                    extra={
                        "missing": sorted(self._expected - served),
                        "unknown": sorted(served - self._expected),
                    },
                )
        self.served = served
        self.max_concurrency = min((model.max_concurrency for model in models), default=1)
