"""The peer's Celery application with one task that does nothing."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

URL = os.environ["PEER_REDIS_URL"]

app = Celery("peer", broker=URL, backend=URL)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    broker_connection_retry_on_startup=True,
    result_expires=3600,
)


@app.task(name="noop")  # type: ignore[untyped-decorator]  # celery ships no types
def noop(settings: dict[str, Any]) -> dict[str, Any]:
    """Do nothing, as the no-op model does."""
    return {"ok": True}
