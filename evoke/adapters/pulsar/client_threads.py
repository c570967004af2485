"""Threads that the client made and that call Python: they keep their Python state between calls.

Such a thread would get a new state with every call, and drop it at the end: memory is mapped, touched and unmapped for
each message, which took half the processor time of appending.
"""

from __future__ import annotations

import ctypes
import threading

_known = threading.local()


def keep_state() -> None:
    """Keep the state of the thread that calls this, for as long as the thread lives. Cheap from the second time on.

    CPython counts the calls that use a state and drops it at zero: this adds one that never ends. What is kept in
    `_known` is kept with the state, so a thread whose state was dropped after all is found again.
    """
    if not hasattr(_known, "kept"):
        ctypes.pythonapi.PyGILState_Ensure()
        _known.kept = True
