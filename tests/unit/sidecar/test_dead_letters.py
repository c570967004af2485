"""What counts as a request, and what is put aside."""

from __future__ import annotations

import pytest

from evoke.codec import encode
from evoke.domain.errors import ErrorClass, UndecodableEvent
from evoke.domain.events import Cancelled, Requested
from evoke.domain.topics import Lane
from evoke.ports.request_queue import Delivery
from worker_sidecar.dead_letters import dead_letter, read_request

REQUEST = Requested(job_id="j", tenant="t", queue="q", model="m", time_ms=1, input={"a": 1})


def delivery(payload: bytes, key: str = "j", queue: str = "q") -> Delivery:
    return Delivery(queue, Lane.BULK, key, payload, "receipt")


def test_a_request_is_read() -> None:
    assert read_request(delivery(encode(REQUEST))) == REQUEST


@pytest.mark.parametrize(
    "wrong",
    [
        delivery(b"nonsense"),
        delivery(encode(Cancelled(job_id="j", tenant="t", queue="q", model="m", time_ms=1))),
        delivery(encode(REQUEST), key="other"),
        delivery(encode(REQUEST), queue="other"),
    ],
    ids=["bytes", "other-event", "other-job", "other-queue"],
)
def test_anything_else_is_refused(wrong: Delivery) -> None:
    with pytest.raises(UndecodableEvent):
        read_request(wrong)


def test_a_dead_letter_keeps_the_bytes_and_where_they_came_from() -> None:
    common = {"job_id": "j", "tenant": "t", "queue": "q", "model": "m", "time_ms": 1}
    letter = dead_letter(common, delivery(b"\xff"), ErrorClass.POISON, "why", 3)
    assert (letter.request, letter.origin, letter.attempts) == (b"\xff", "requested_q_bulk", 3)
    assert dead_letter(common, delivery(b""), ErrorClass.POISON, "", 0).letter_id != letter.letter_id
