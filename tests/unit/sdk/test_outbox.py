"""From a model's thread to the event loop: in order, bounded, cancellable."""

from __future__ import annotations

import asyncio
import threading

import pytest

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk import parts
from model_containers.sdk.errors import Cancelled
from model_containers.sdk.outbox import BOUND_BYTES, Outbox
from model_containers.sdk.run import Run

DEADLINE_S = 30.0


def chunk(size: int, name: str = "a") -> pb.GenerateResponse:
    return pb.GenerateResponse(output=pb.OutputChunk(name=name, data=b"x" * size))


def step(number: int) -> pb.GenerateResponse:
    return parts.message_of(parts.Progress(number, 10))


async def drained(outbox: Outbox) -> list[pb.GenerateResponse]:
    found = []
    async with asyncio.timeout(DEADLINE_S):
        while (message := await outbox.next()) is not None:
            found.append(message)
    return found


async def test_messages_arrive_in_order_and_then_the_end() -> None:
    outbox = Outbox()

    def produce() -> None:
        for number in range(1000):
            outbox.put(chunk(10, str(number)))
        outbox.finish(parts.done(parts.Result(seed=7)))

    thread = threading.Thread(target=produce)
    thread.start()
    found = await drained(outbox)
    thread.join()
    assert [message.output.name for message in found[:-1]] == [str(number) for number in range(1000)]
    assert found[-1].done.seed == 7


async def test_a_producer_waits_while_the_reader_is_behind() -> None:
    outbox, sent = Outbox(), []

    def produce() -> None:
        for number in range(20):
            outbox.put(chunk(BOUND_BYTES // 4))
            sent.append(number)
        outbox.finish(None)

    thread = threading.Thread(target=produce)
    thread.start()
    await asyncio.sleep(0.3)
    assert len(sent) == 4
    assert len(await drained(outbox)) == 20
    thread.join()


async def test_a_reader_that_waits_is_told_of_an_end_without_a_message() -> None:
    outbox = Outbox()
    reading = asyncio.create_task(drained(outbox))
    await asyncio.sleep(0)
    outbox.finish(None)
    assert await reading == []


async def test_unsent_progress_is_replaced_by_newer_progress() -> None:
    outbox = Outbox()
    for number in range(5):
        outbox.offer(step(number))
    outbox.put(chunk(1))
    outbox.offer(step(9))
    outbox.finish(None)
    assert [message.progress.step for message in await drained(outbox)] == [4, 0, 9]


async def test_what_may_be_lost_is_dropped_when_there_is_no_room() -> None:
    outbox = Outbox()
    outbox.put(chunk(BOUND_BYTES))
    outbox.offer(step(1))
    outbox.finish(None)
    assert [message.WhichOneof("part") for message in await drained(outbox)] == ["output"]


async def test_cancelling_wakes_a_waiting_producer() -> None:
    outbox, raised = Outbox(), threading.Event()

    def produce() -> None:
        try:
            while True:
                outbox.put(chunk(BOUND_BYTES))
        except Cancelled:
            raised.set()

    thread = threading.Thread(target=produce)
    thread.start()
    outbox.cancel()
    assert await asyncio.to_thread(raised.wait, DEADLINE_S)
    thread.join()
    with pytest.raises(Cancelled):
        outbox.offer(step(1))


async def run_of(deadline_s: float = 60.0) -> Run:
    return Run(pb.Start(job_id="j", attempt=1, deadline_s=deadline_s), {}, Outbox())


async def test_an_output_written_in_small_pieces_travels_in_large_ones() -> None:
    run = await run_of()
    with run.output("a.txt", "text/plain") as output:
        for _ in range(1000):
            output.write(b"0123456789")
    run.outbox.finish(None)
    start, *chunks = await drained(run.outbox)
    assert start.output_start.name == "a.txt"
    assert [message.output.last for message in chunks] == [True]
    assert chunks[0].output.data == b"0123456789" * 1000


async def test_an_output_that_is_broken_off_by_an_error_is_not_ended() -> None:
    run = await run_of()

    def broken_off() -> None:
        with run.output("a.txt", "text/plain") as output:
            output.write(b"x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken_off()
    run.outbox.finish(None)
    assert [message.WhichOneof("part") for message in await drained(run.outbox)] == ["output_start"]


async def test_a_closed_output_refuses_more() -> None:
    run = await run_of()
    output = run.output("a.txt", "text/plain")
    output.close()
    output.close()
    with pytest.raises(ValueError, match="closed"):
        output.write(b"x")


async def test_every_report_of_a_cancelled_run_raises() -> None:
    run = await run_of()
    output = run.output("a.txt", "text/plain")
    run.outbox.cancel()
    assert run.cancelled
    for report in (
        run.check_cancelled,
        lambda: run.progress(1, 2),
        lambda: run.log("x"),
        lambda: run.preview("image/png", b"x"),
        lambda: run.metric("m", 1.0),
        lambda: run.output("b.txt", "text/plain"),
        lambda: output.write(b"x"),
    ):
        with pytest.raises(Cancelled):
            report()


async def test_previews_beyond_the_bound_are_left_out() -> None:
    run = await run_of()
    run.preview("image/png", b"x" * (parts.MAX_PREVIEW_BYTES + 1))
    run.outbox.finish(None)
    assert await drained(run.outbox) == []


async def test_what_is_offered_after_the_end_is_lost() -> None:
    outbox = Outbox()
    outbox.finish(chunk(1, "end"))
    outbox.offer(step(1))
    assert [message.output.name for message in await drained(outbox)] == ["end"]
