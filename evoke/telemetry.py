"""Structured logs and W3C trace context. Metrics are declared where they are counted."""

from __future__ import annotations

import json
import logging
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_OWN = ("evoke", "services", "worker_sidecar", "__main__")
_context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)


def new_traceparent(parent: str | None = None) -> str:
    """Return a W3C `traceparent`: a child of `parent`, sampled as that is, else the root of a trace that is not."""
    trace_id = trace_id_of(parent) or secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-{'01' if is_sampled(parent) else '00'}"


def is_sampled(traceparent: str | None) -> bool:
    """Whether the trace of a `traceparent` is recorded; False where it is absent or malformed."""
    if trace_id_of(traceparent) is None or traceparent is None:
        return False
    flags = traceparent.split("-")[3]
    return len(flags) == 2 and flags[1] in "13579bdf"


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the trace id (32 hex digits) of a `traceparent`, None where it is absent or malformed."""
    parts = (traceparent or "").split("-")
    if len(parts) < 4 or len(parts[1]) != 32 or parts[1].strip("0123456789abcdef") or not parts[1].strip("0"):
        return None
    return parts[1]


@contextmanager
def log_context(**fields: str | None) -> Iterator[None]:
    """Add fields (job_id, trace_id, ...) to every log line written inside, in this task alone."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _context.set({**(_context.get() or {}), **known})
    try:
        yield
    finally:
        _context.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, process, logger, message, context and extra fields."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """`12:00:00 info  message key=value`, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of text, with its traceback where it has one."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        fields = "".join(f" {name}={value}" for name, value in _fields_of(record).items())
        line = f"{time} {record.levelname.lower():<7} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _fields_of(record: logging.LogRecord) -> dict[str, object]:
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {**(_context.get() or {}), **extra}


def configure_logging(process: str, level: str, style: str) -> None:
    """Send this process's logs to standard error; `style` is `json` or `text`.

    Libraries are heard from `warning` up only, unless `level` is `debug`: what they tell at `info` is their own affair.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(process) if style == "json" else TextFormatter())
    own = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        level=own if level == "debug" else max(own, logging.WARNING), handlers=[handler], force=True
    )
    for name in _OWN:
        logging.getLogger(name).setLevel(own)
