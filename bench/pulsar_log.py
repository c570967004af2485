"""Figures of the log and the queue on a Pulsar that runs: `EVOKE_ENGINE=distributed python -m bench.pulsar_log`.

It makes topics of a queue `bench_…` of its own. Times are in ms, medians but for the rate.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import time
from typing import Any, cast

from evoke.bootstrap import open_event_log, open_request_queue, prepare_engine
from evoke.domain import topics
from evoke.ports.event_log import EventLog, Record
from evoke.settings import load_settings

PAYLOAD = b"x" * 700
AT_ONCE = 64
RATE_S = 5.0
ROUNDS = 200


async def accepted_per_s(log: EventLog, topic: str) -> tuple[float, float]:
    """Durable appends a second by 64 tasks, and the median of one."""
    times: list[float] = []
    end = time.perf_counter() + RATE_S

    async def submit(task: int) -> None:
        while (began := time.perf_counter()) < end:
            await log.append(Record(topic, f"{task}-{len(times)}", PAYLOAD))
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(submit(task) for task in range(AT_ONCE)))
    return len(times) / RATE_S, statistics.median(times) * 1000


async def append_ms(log: EventLog, topic: str) -> float:
    """One append after another."""
    times = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        await log.append(Record(topic, str(number), PAYLOAD))
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


async def start_ms(log: EventLog, topic: str) -> float:
    """An append, until the own tail has brought it: how an attempt starts."""
    tail = cast(Any, log.tail({topic: await log.end(topic)}))
    times = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        position = await log.append(Record(topic, str(number), PAYLOAD))
        seen = ""
        while seen < position:
            seen = (await anext(tail))[-1].position
        if number >= ROUNDS // 10:
            times.append(time.perf_counter() - began)
    await tail.aclose()
    return statistics.median(times) * 1000


async def main() -> None:
    """Measure and print."""
    settings = load_settings()
    queue, busy = f"bench_{secrets.token_hex(4)}", f"bench_{secrets.token_hex(4)}"
    for _ in prepare_engine(settings, [queue, busy]):
        pass
    log = await open_event_log(settings)
    requests = await open_request_queue(settings)
    rate, at_once_ms = await accepted_per_s(log, topics.requested(busy))
    figures = {
        "durable_accepts_per_s_at_64": rate,
        "durable_accept_p50_ms_at_64": at_once_ms,
        "append_p50_ms": await append_ms(log, topics.completed(queue)),
        "start_of_an_attempt_p50_ms": await start_ms(log, topics.attempts(queue)),
    }
    subscription = await requests.subscribe(queue, "bench")
    picked = []
    for number in range(ROUNDS):
        waiting = asyncio.create_task(subscription.receive(1))
        await asyncio.sleep(0.005)
        began = time.perf_counter()
        await log.append(Record(topics.requested(queue), str(number), PAYLOAD))
        [delivery] = await waiting
        picked.append(time.perf_counter() - began)
        await subscription.ack(delivery)
    figures["append_to_received_p50_ms"] = statistics.median(picked) * 1000
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2))
    await requests.close()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main())
