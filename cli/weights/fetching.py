"""The progress of a fetch: a line that changes where a person looks on, else a line now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from cli.output import size

TERMINAL_S, LOG_S = 0.2, 10.0


class FetchingLine:
    """Tells how far the fetch of a model is; on standard error."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._terminal else LOG_S)
        self._width = 0

    def told(self, name: str, done: int, total: int | None) -> None:
        """So many bytes of a file are here."""
        now = time.monotonic()
        if now < self._next and done != total:
            return
        if not self._terminal and now < self._next:
            return
        self._next = now + (TERMINAL_S if self._terminal else LOG_S)
        share = f" of {size(total)} ({100 * done // total} %)" if total else ""
        text = f"{self._model}: {name}: {size(done)}{share}"
        if self._terminal:
            print(f"\r{text:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = max(self._width, len(text))
        else:
            print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> FetchingLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal and self._width:
            print(f"\r{'':<{self._width}}\r", end="", file=sys.stderr, flush=True)
