"""Whether the process lives, whether it can serve, and its figures."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evoke.domain.errors import Unavailable
from services.api.context import Context
from services.api.exchange import AnyReply, Exchange, Reply
from services.api.metrics import CONTENT_TYPE, OPENMETRICS
from services.api.operations import Answer, Handler, Operation


class StatusDocument(msgspec.Struct, frozen=True):
    """`ok`, or there is a problem instead of this."""

    status: str


_OK = Reply(200, msgspec.json.encode(StatusDocument("ok")))


class HealthRoutes:
    """`/health`, `/livez`, `/readyz`, `/metrics`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def alive(self, exchange: Exchange) -> AnyReply:
        """`GET /livez` and `GET /health/`: the process answers."""
        return _OK

    async def ready(self, exchange: Exchange) -> AnyReply:
        """`GET /readyz`: the log has been read and can be followed, and the process is not stopping."""
        follower = self._context.follower
        if self._context.closing.is_set():
            raise Unavailable("the API is stopping")
        if not follower.ready.is_set():
            raise Unavailable(follower.lost or "the API is starting: it is still reading the log")
        if follower.lost is not None:
            raise Unavailable(f"the log cannot be followed: {follower.lost}")
        return _OK

    async def metrics(self, exchange: Exchange) -> AnyReply:
        """`GET /metrics`: with exemplars for who asks for OpenMetrics, as Prometheus does."""
        if "application/openmetrics-text" in (exchange.header(b"accept") or ""):
            return Reply(200, self._context.metrics.exposition(exemplars=True), OPENMETRICS)
        return Reply(200, self._context.metrics.exposition(), CONTENT_TYPE)

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        ok = Answer(said="All is well.", body=StatusDocument, example={"status": "ok"})
        return (
            _row("/health", self.alive, "Health", ok, shown_path="/health/"),
            _row("/livez", self.alive, "Whether the process lives", ok),
            _row("/readyz", self.ready, "Whether it can serve", ok, refusals=(503,)),
            _row(
                "/metrics",
                self.metrics,
                "Figures for Prometheus",
                Answer(said="Text format 0.0.4.", media_type="text/plain"),
            ),
        )


def _row(  # noqa: PLR0913  # a row has that many cells
    path: str,
    handler: Handler,
    summary: str,
    answer: Answer,
    *,
    refusals: Sequence[int] = (),
    shown_path: str | None = None,
) -> Operation:
    return Operation(
        method="GET",
        path=path,
        handler=handler,
        scope=None,
        tag="operation",
        summary=summary,
        answers={200: answer},
        refusals=refusals,
        shown_path=shown_path,
    )
