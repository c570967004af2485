"""Every dashboard."""

from __future__ import annotations

from infrastructure.observability.dashboards.archive import ARCHIVE
from infrastructure.observability.dashboards.job import JOB
from infrastructure.observability.dashboards.overview import OVERVIEW
from infrastructure.observability.dashboards.queue import QUEUE
from infrastructure.observability.dashboards.workers import WORKERS

DASHBOARDS = (OVERVIEW, QUEUE, WORKERS, ARCHIVE, JOB)
