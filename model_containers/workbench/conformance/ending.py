"""Checks of runs that end early: by cancellation, by their deadline, by the end of the process."""

from __future__ import annotations

import asyncio
import signal

import grpc

from evoke.protocol.generated import model_pb2 as pb
from model_containers.workbench.conformance.subject import Broken, Skipped, Subject, first_sign
from model_containers.workbench.outcome import error_class_of
from model_containers.workbench.running import run_request

DEADLINE_S = 0.2
SIGN_S = 1.0
TOO_QUICK = "the run ended before it could be {}; give a longer one with --long"


async def cancel(subject: Subject) -> str:
    """Cancelled runs free their slots soon: as many new ones as it takes are served after them."""
    alone = await subject.succeed()
    caught = 0
    for _ in range(subject.slots):
        call = subject.connection.call(subject.long_request().messages(), subject.bounds.run_s)
        caught += await first_sign(call, SIGN_S)
        call.cancel()
    enough_s = subject.bounds.patience_s + 2 * subject.slots * alone.took_s
    try:
        async with asyncio.timeout(enough_s):
            found = await asyncio.gather(*(subject.run(subject.request()) for _ in range(subject.slots)))
    except TimeoutError:
        raise Broken(
            f"after {subject.slots} cancelled runs others are not served within {enough_s:.0f} s"
        ) from None
    for transcript in found:
        if transcript.status is not grpc.StatusCode.OK or transcript.error is not None:
            told = transcript.error.message if transcript.error else transcript.status.name
            raise Broken(f"after {subject.slots} cancelled runs another one failed: {told[:200]}")
    if not caught:
        raise Skipped(TOO_QUICK.format("cancelled"))
    return f"{caught} cancelled, their slots are free"


async def deadline(subject: Subject) -> str:
    """A run whose time is over ends by itself with the error DEADLINE."""
    request = subject.long_request(deadline_s=DEADLINE_S)
    limit_s = DEADLINE_S + subject.bounds.patience_s
    transcript = await run_request(subject.connection, request, timeout_s=limit_s)
    if transcript.status is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise Broken(f"a run with deadline_s {DEADLINE_S} still went on after {limit_s:.0f} s")
    if transcript.status is not grpc.StatusCode.OK:
        raise Broken(f"it ended with status {transcript.status.name}; it must end with an error message")
    error = transcript.error
    if error is None:
        raise Skipped(TOO_QUICK.format("too late"))
    if error.error_class != pb.ERROR_CLASS_DEADLINE:
        raise Broken(f"it ended as {error_class_of(error)}, it must be deadline")
    return f"ended {transcript.took_s:.2f} s after its start, {DEADLINE_S} s were allowed"


async def stop(subject: Subject) -> str:
    """On SIGTERM the process ends soon and with exit code 0; a run in progress ends, one way or the other."""
    process = subject.container.process
    if process is None:
        raise Skipped("it was not started here: name a PATH or --command instead of --address")
    call = subject.connection.call(subject.long_request().messages(), subject.bounds.run_s)
    await first_sign(call, SIGN_S)
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(subject.bounds.stop_s):
            code = await process.wait()
    except TimeoutError:
        raise Broken(f"it still runs {subject.bounds.stop_s:.0f} s after SIGTERM") from None
    finally:
        call.cancel()
    if code < 0:
        raise Broken(f"it was ended by {signal.Signals(-code).name}; it must end by itself")
    if code:
        raise Broken(f"it ended with exit code {code}, must be 0")
    return "ended with exit code 0"
