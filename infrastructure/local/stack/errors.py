"""What can stand in the way of the stack."""

from __future__ import annotations


class StackFailed(Exception):
    """The stack cannot do what it was asked for; the message says what is in the way, and what to do."""
