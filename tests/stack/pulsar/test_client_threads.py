"""Threads that the client made and that call Python."""

from __future__ import annotations

import threading

import pulsar
import pytest

from evoke.adapters.pulsar.client_threads import keep_state
from evoke.bootstrap import pulsar_place
from evoke.settings import Settings

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(120)]


def calls_seen(settings: Settings, queue: str, *, kept: bool) -> list[int]:
    """How many calls a thread of the client remembers, at each of three."""
    place = pulsar_place(settings)
    client = pulsar.Client(place.url, **place.client_options())
    memory, seen, called = threading.local(), list[int](), threading.Semaphore(0)

    def acknowledged(_result: pulsar.Result, _message_id: pulsar.MessageId) -> None:
        if kept:
            keep_state()
        memory.calls = getattr(memory, "calls", 0) + 1
        seen.append(memory.calls)
        called.release()

    producer = client.create_producer(place.topic(f"attempts_{queue}"))
    for _ in range(3):
        producer.send_async(b"{}", acknowledged)
        assert called.acquire(timeout=30)
    client.close()
    return seen


def test_a_thread_of_the_client_forgets_its_python_state_between_calls(
    settings: Settings, queue: str
) -> None:
    """Should this fail, the client keeps the state by itself, and `keep_state` can go."""
    assert calls_seen(settings, queue, kept=False) == [1, 1, 1]


def test_a_thread_of_the_client_keeps_its_python_state_when_told_to(settings: Settings, queue: str) -> None:
    assert calls_seen(settings, queue, kept=True) == [1, 2, 3]
