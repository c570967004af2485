"""What the parts of the API share: made once by the bootstrap, passed down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from evoke.domain.catalogue import Catalogue
from evoke.failpoints import Failpoints
from evoke.hot_view import Follower, HotView
from evoke.ports.blob_store import BlobStore
from evoke.ports.event_log import EventLog
from evoke.ports.history import History
from evoke.ports.progress_channel import ProgressChannel
from evoke.ports.request_queue import RequestQueue
from evoke.settings import Settings
from services.api.authentication import Authentication
from services.api.input_check import InputCheck
from services.api.metrics import Metrics
from services.api.randomness import Randomness
from services.api.request_traces import RequestTraces
from services.api.upload_room import UploadRoom


@dataclass(frozen=True, kw_only=True)
class Context:
    """Ports, the hot view and what decides about requests.

    clock_ms: Unix time in ms. closing: set when the process is to stop.
    """

    settings: Settings
    catalogue: Catalogue
    checks: dict[str, InputCheck]
    log: EventLog
    queue: RequestQueue
    blobs: BlobStore
    history: History
    progress: ProgressChannel
    view: HotView
    follower: Follower
    authentication: Authentication
    metrics: Metrics
    failpoints: Failpoints
    clock_ms: Callable[[], int]
    randomness: Randomness
    traces: RequestTraces
    uploads: UploadRoom
    closing: asyncio.Event = field(default_factory=asyncio.Event)
