"""The tree of errors that evoke raises on purpose. Every one has a stable `code`.

The API turns them into RFC 9457 problem details in one place, the command line into exit codes.
"""

from __future__ import annotations

from enum import StrEnum


class ErrorClass(StrEnum):
    """Why an attempt or a job failed: stable over versions, shown to users, used by the retry policy."""

    INVALID_INPUT = "invalid_input"
    OUT_OF_MEMORY = "out_of_memory"
    MODEL_LOST = "model_lost"
    MODEL_ERROR = "model_error"
    CHECKPOINT = "checkpoint"
    DEADLINE = "deadline"
    STORAGE = "storage"
    POISON = "poison"
    INTERNAL = "internal"


class EvokeError(Exception):
    """The root of evoke's errors."""

    code = "internal"


class InvalidInput(EvokeError):
    """A value from outside is not acceptable. Names the field and the limit."""

    code = "invalid_input"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NotFound(EvokeError):
    """What was asked for does not exist, or belongs to another tenant."""

    code = "not_found"


class UnknownModel(NotFound):
    """No model of that name. `nearest` holds the names that come closest, best first."""

    code = "unknown_model"

    def __init__(self, name: str, nearest: tuple[str, ...] = ()) -> None:
        hint = f"; did you mean {', '.join(nearest)}?" if nearest else ""
        super().__init__(f"no model is called {name!r}{hint}")
        self.name = name
        self.nearest = nearest


class NoModelOfTask(UnknownModel):
    """The catalogue has no model of that task."""

    def __init__(self, task: str) -> None:
        NotFound.__init__(self, f"the catalogue has no model of {task}")
        self.name, self.nearest = task, ()


class Conflict(EvokeError):
    """The request contradicts what the log already holds."""

    code = "conflict"


class IdempotencyMismatch(Conflict):
    """The idempotency key was used before with another body."""

    code = "idempotency_mismatch"


class QueueFull(EvokeError):
    """The queue holds as many waiting jobs as its bound allows. Try again after `retry_after_s` seconds."""

    code = "queue_full"

    def __init__(self, queue: str, bound: int, retry_after_s: float) -> None:
        super().__init__(f"queue {queue} holds {bound} waiting jobs, its bound")
        self.queue = queue
        self.bound = bound
        self.retry_after_s = retry_after_s


class Unavailable(EvokeError):
    """Something that evoke needs does not answer now. Nothing was accepted; trying again is safe."""

    code = "unavailable"

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StorageFull(Unavailable):
    """No space left on the device that holds the log or the blobs."""

    code = "storage_full"


class LogCorrupt(EvokeError):
    """The log's integrity check failed. evoke refuses to start rather than skip an event."""

    code = "log_corrupt"


class LogReplaced(EvokeError):
    """The log is not the one that the archive is of, or ends before it. evoke refuses to start rather than take new
    events for archived ones."""

    code = "log_replaced"


class UndecodableEvent(EvokeError):
    """The bytes are no event that this version, or an older one, could have written."""

    code = "undecodable_event"


class BlobExists(EvokeError):
    """A blob of that key exists already: blobs are create-only."""

    code = "blob_exists"


class BlobMissing(NotFound):
    """No blob of that key exists."""

    code = "blob_missing"


class WeightsDamaged(EvokeError):
    """Fetched weights are not what was promised, or have changed on the disk."""

    code = "weights_damaged"


class QueryRefused(EvokeError):
    """The SQL is not allowed: not read-only, not parseable, or beyond a limit. Says which."""

    code = "query_refused"


class ModelUnavailable(EvokeError):
    """The model container does not answer: it is starting, was lost, or broke off the call."""

    code = "model_lost"


class ModelFailed(EvokeError):
    """The model container answered with an error of `error_class`."""

    code = "model_error"

    def __init__(self, error_class: ErrorClass, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class
