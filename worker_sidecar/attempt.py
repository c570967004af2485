"""One attempt at a job: start → run → store → end, by the rules of `docs/design.md`, section 4.

The order of writes is what makes a crash harmless: `AttemptStarted` before the model runs, blobs before the terminal
event, the terminal event before the acknowledgement. Whatever is cut off repeats the job and never loses it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from typing import Any

from evoke.domain.errors import (
    BlobExists,
    BlobMissing,
    ErrorClass,
    EvokeError,
    ModelFailed,
    ModelUnavailable,
    Unavailable,
)
from evoke.domain.events import Artifact, Requested
from evoke.domain.job import Job
from evoke.ports.model_client import Done, GenerationRequest
from evoke.ports.request_queue import Delivery
from worker_sidecar.attempt_record import AttemptRecord
from worker_sidecar.attempt_trace import ModelTrace
from worker_sidecar.held_jobs import HeldJob, Interruption
from worker_sidecar.journal import now_ms
from worker_sidecar.model_run import ModelRun
from worker_sidecar.outputs import Outputs
from worker_sidecar.reports import Reports
from worker_sidecar.workplace import Workplace

TAIL_S = 30.0
"""Longest wait for the own tail to reach an own start."""

MAX_MESSAGE_CHARS = 2000

_NOT_OURS = (Interruption.ENDED, Interruption.NEWER)
"""After these the job's end, good or bad, is no longer this attempt's to write."""

_log = logging.getLogger(__name__)


class Interrupted(Exception):
    """Somebody else ended the run."""

    def __init__(self, why: Interruption) -> None:
        super().__init__(why)
        self.why = why


class Attempt:
    """One job in the worker's hands, from its receipt to its acknowledgement."""

    def __init__(
        self, place: Workplace, deliveries: list[Delivery], request: Requested, held: HeldJob, alone: bool
    ) -> None:
        """deliveries: of this one job; more than one when its request was delivered twice.

        alone: it is not begun before nothing else runs in the container.
        """
        self._place = place
        self._request = request
        self._held = held
        self._alone = alone
        self._record = AttemptRecord(place, request, deliveries)
        self._received = time.perf_counter()
        self._rank = self._counted_before = 0

    def delivered_again(self, delivery: Delivery) -> None:
        """The request came once more while it is being run: it is not started twice, and both end together."""
        self._record.deliveries.append(delivery)

    async def put_off(self, delay_s: float) -> None:
        """Leave the job to a later attempt."""
        await self._record.put_off(delay_s)

    async def live(self) -> None:
        """Do all of it. Raises what the sidecar can't answer for; the job is still held then."""
        try:
            await self._live()
        finally:
            self._record.trace.end()

    async def _live(self) -> None:
        if self._held.ended:
            await self._record.ack("seen")
            return
        if self._alone and not await self._left_alone():
            await self._decline()
            return
        if not await self._start():
            await self._yield(Interruption.LOG_BEHIND)
            return
        self._place.failpoints.reach("sidecar.after_start")
        if self._held.interruption is not None:
            await self._yield(self._held.interruption)
        elif self._counted_before >= self._place.policy.max_attempts:
            await self._refuse_poison()
        else:
            await self._run()

    async def _left_alone(self) -> bool:
        """Wait until nothing else runs in the container; False when there is no use in beginning any more.

        Nothing is written yet, so that the wait costs the job no attempt, whatever becomes of the container meanwhile.
        """
        held = self._held
        try:
            async with asyncio.timeout(None) as scope:
                held.interruptible(lambda: None if scope.expired() else scope.reschedule(0))
                await self._place.room.emptied(self._request.job_id)
        except TimeoutError:
            return False
        finally:
            held.interruptible(None)
        self._received = time.perf_counter()
        return self._place.link.up

    async def _decline(self) -> None:
        """Let the job go before it was begun: acknowledged when it is over, to whoever is there when it is not."""
        self._forget()
        if self._held.ended:
            await self._record.ack("seen")
        else:
            await self._record.give_back()

    async def _start(self) -> bool:
        """Write the start and wait until the own tail has seen it: from then on the attempt's rank is exact.

        False when the tail does not come that far in time.
        """
        mine = self._held.attempt_id = self._record.attempt_id
        topic, position = await self._record.started()
        try:
            async with asyncio.timeout(TAIL_S):
                await self._place.held.reached(topic, position)
        except TimeoutError:
            return False
        job = self._held.job
        self._rank = (job.attempt_number(mine) if job is not None else None) or 0
        self._counted_before = job.counted_before(mine) if job is not None else 0
        self._record.trace.waited(self._waiting_since_ms(job), self._rank)
        if self._rank == 1:
            waited_s = max(0.0, (now_ms() - self._request.time_ms) / 1000)
            self._place.metrics.queue_seconds.observe(waited_s, self._record.trace.exemplar)
        return self._rank > 0

    def _waiting_since_ms(self, job: Job | None) -> int:
        """Unix ms from which this attempt could have begun: its submission, or the end of the back-off before it."""
        attempts = () if job is None else job.attempts
        again = [each.retry_at_ms for each in attempts if each.retry_at_ms is not None]
        return max([self._request.time_ms, *again])

    async def _run(self) -> None:
        """Run the model and store its outputs; then write how it ended."""
        started = time.perf_counter()
        try:
            done, artifacts, model_ms = await self._outcome()
        except Interrupted as interrupted:
            await self._yield(interrupted.why)
        except EvokeError as error:
            await self._fail(_class_of(error), str(error))
        except Exception:
            _log.exception("the sidecar itself failed")
            await self._fail(ErrorClass.INTERNAL, "the worker failed; its log tells why")
        else:
            await self._succeed(done, artifacts, model_ms)
        finally:
            metrics, took_s = self._place.metrics, time.perf_counter() - started
            metrics.run_seconds.labels(self._model).observe(took_s, self._record.trace.exemplar)

    async def _outcome(self) -> tuple[Done, tuple[Artifact, ...], float]:
        """What the model returned, what is stored of it, and how many ms the model took.

        Raises what ended the run, Interrupted when somebody else ended it.
        """
        place, request = self._place, self._request
        if request.model not in place.link.served:
            raise ModelFailed(
                ErrorClass.CHECKPOINT, f"this worker's container does not serve {request.model}"
            )
        for file in request.files:
            await place.blobs.stat(
                file.key
            )  # said before the model is begun: a missing file is no fault of its
        trace = self._record.trace
        outputs = Outputs(place.blobs, f"{request.tenant}/{request.job_id}/{self._record.attempt_id}/", trace)
        reports = Reports(place.progress, request.queue, self._identity)
        steps = place.metrics.steps.labels(self._model)
        run = ModelRun(place.model, outputs, reports, place.failpoints, steps.inc)
        try:
            done, artifacts = await self._within_deadline(run, outputs)
        except ModelUnavailable:
            place.link.suspect()
            raise
        finally:
            reports.close()
            await outputs.close()
        place.failpoints.reach("sidecar.after_put")
        if run.metrics:
            place.metrics.measured(request.model, run.metrics)
            _log.info("the model measured", extra={"metrics": run.metrics})
        return done, artifacts, run.model_ms

    async def _within_deadline(self, run: ModelRun, outputs: Outputs) -> tuple[Done, tuple[Artifact, ...]]:
        """Run the model and store the rest of its outputs, until the deadline or an interruption."""
        deadline_s, held = self._request.deadline_s, self._held
        try:
            async with asyncio.timeout(deadline_s) as scope:
                held.interruptible(lambda: None if scope.expired() else scope.reschedule(0))
                with self._record.trace.model_run() as traced:
                    self._place.metrics.together.observe(len(self._place.room))
                    done = await run.generate(self._generation(traced), traced.step)
                return done, await outputs.stored()
        except TimeoutError:
            if held.interruption is not None:
                raise Interrupted(held.interruption) from None
            self._place.link.suspect()
            raise ModelFailed(ErrorClass.DEADLINE, f"the attempt took longer than {deadline_s:g} s") from None
        finally:
            held.interruptible(None)

    async def _succeed(self, done: Done, artifacts: tuple[Artifact, ...], model_ms: float) -> None:
        if self._held.interruption in _NOT_OURS:
            await self._yield(self._held.interruption)
            return
        overhead_ms = (time.perf_counter() - self._received) * 1000 - model_ms
        self._place.metrics.overhead_seconds.observe(overhead_ms / 1000)
        timings_ms = {**done.timings_ms, "run": round(model_ms, 3), "sidecar": round(overhead_ms, 3)}
        self._forget()
        await self._record.succeeded(done, artifacts, timings_ms)

    async def _fail(self, error: ErrorClass, message: str) -> None:
        """Write the failure; let the job wait for its next attempt, or end it when there is none."""
        if self._held.interruption in _NOT_OURS:
            await self._yield(self._held.interruption)
            return
        attempts, message = self._counted_before + 1, message[:MAX_MESSAGE_CHARS]
        delay_s = self._place.policy.delay_s(error, attempts, random.random())
        _log.warning("an attempt failed", extra={"error": error, "reason": message, "retry_in_s": delay_s})
        self._forget()
        await self._record.failed(error, message, delay_s)
        if delay_s is None:
            await self._record.gave_out(error, message, attempts)
        else:
            await self._record.put_off(delay_s)

    async def _refuse_poison(self) -> None:
        """The job has used up its attempts and came to no end: whoever ran it died. It is not run again."""
        attempts = self._counted_before
        self._forget()
        await self._record.yielded("poison")
        await self._record.gave_out(
            ErrorClass.POISON, f"it was begun {attempts} times and never ended", attempts
        )

    async def _yield(self, why: Interruption) -> None:
        """Give the attempt up without blame; what is over is acknowledged, what is not goes to whoever is there."""
        _log.info("an attempt was given up", extra={"reason": why})
        self._forget()
        await self._record.yielded(why)
        if why is Interruption.ENDED:
            await self._record.ack("yielded")
        else:
            await self._record.give_back()

    def _forget(self) -> None:
        """From here on nothing that the log says of the job changes what is written: its events need no folding."""
        self._place.held.release(self._held)

    @property
    def _model(self) -> str:
        """The model as the metrics call it."""
        return self._place.metrics.label(self._request.model)

    @property
    def _identity(self) -> Mapping[str, Any]:
        """The fields that all reports have."""
        request = self._request
        return {
            "tenant": request.tenant,
            "job_id": request.job_id,
            "attempt_id": self._record.attempt_id,
            "attempt": self._rank,
        }

    def _generation(self, traced: ModelTrace) -> GenerationRequest:
        return GenerationRequest(
            job_id=self._request.job_id,
            attempt=self._rank,
            model=self._request.model,
            input=self._request.input,
            deadline_s=self._request.deadline_s,
            traceparent=traced.context,
            files={file.name: self._place.blobs.read(file.key) for file in self._request.files},
        )


def _class_of(error: EvokeError) -> ErrorClass:
    """What kind of failure an error is; what the model is not to blame for and the stores are not is internal."""
    match error:
        case ModelFailed():
            return error.error_class
        case ModelUnavailable():
            return ErrorClass.MODEL_LOST
        case Unavailable() | BlobExists() | BlobMissing():
            return ErrorClass.STORAGE
        case _:
            return ErrorClass.INTERNAL
