"""Tells the log of one engine again to another: see docs/decisions/0073."""

from __future__ import annotations

MIGRATED = "evoke_migrated"
"""Property of an entry that was told again: its position in the log that it came from."""
MIGRATED_AT = "evoke_migrated_at"
"""When it was told again (RFC 3339): how long a log keeps it counts from then."""
