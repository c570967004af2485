"""How a run ends on the wire."""

from __future__ import annotations

import logging

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk import parts
from model_containers.sdk.errors import wire_error
from model_containers.sdk.run import Run

_log = logging.getLogger(__name__)


def told_end(run: Run, end: object) -> pb.GenerateResponse | None:
    """A run's last message; None when nobody waits for one.

    end: a Result, an exception, or anything else for an empty result.
    """
    if run.cancelled:
        _log.info("a run was cancelled", extra={"job_id": run.job_id})
        return None
    if isinstance(end, BaseException):
        return parts.failed(told_error(end, run.job_id))
    try:
        return parts.done(end if isinstance(end, parts.Result) else parts.Result())
    except Exception as error:  # a result that is no JSON is the model's fault, and must be told
        return parts.failed(told_error(error, run.job_id))


def told_error(error: BaseException, job_id: str) -> pb.Error:
    """What the caller is told; the traceback of what nobody expected goes to the log."""
    answer = wire_error(error)
    if answer.error_class == pb.ERROR_CLASS_MODEL_ERROR:
        _log.error("a run failed", exc_info=error, extra={"job_id": job_id})
    return answer
