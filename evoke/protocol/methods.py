"""The service's name, its methods, and the bounds that both sides of a connection keep."""

from __future__ import annotations

SERVICE = "evoke.model.v1.Model"
DESCRIBE = f"/{SERVICE}/Describe"
GENERATE = f"/{SERVICE}/Generate"

MAX_CHUNK_BYTES = 1 << 20
"""Bytes of a file or an output in one message, at most."""

MAX_MESSAGE_BYTES = 4 << 20
"""A larger message ends the call with RESOURCE_EXHAUSTED; 4 MiB is gRPC's own default."""
