"""Workers that pull one request at a time from the parts of two lanes: time in queue, by discrete events.

What is modelled is `evoke/adapters/pulsar/lanes.py` and `subscription.py`: a worker asks one part after another, 30 ms
each; a demand that was not answered stays open; what comes to a busy worker goes back, 100 ms later. Not modelled: the
network (0 ms), retries, the start of an attempt, and several slots of a worker.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from dataclasses import dataclass

GRACE_S, GIVE_BACK_S = 0.03, 0.1


@dataclass(frozen=True, kw_only=True)
class Case:
    """utilisation: of the workers. sigma: of log-normal durations; 0: exponential ones. bulk: share of jobs."""

    workers: int
    utilisation: float
    parts: int = 1
    mean_s: float = 5.0
    sigma: float = 1.5
    bulk: float = 0.3
    bulk_every: int = 8
    jobs: int = 10_000
    seed: int = 1


@dataclass(frozen=True)
class Waits:
    """Seconds in queue of jobs of each lane, sorted; and how often a request went to a busy worker, per job."""

    interactive: list[float]
    bulk: list[float]
    bounces_per_job: float


def quantile(ordered: list[float], share: float) -> float:
    """The value below which that share of an ordered list lies; 0 of an empty one."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def mean_wait_mmc(workers: int, utilisation: float, mean_s: float) -> float:
    """Mean time in queue of M/M/c by Erlang's C formula, in seconds."""
    offered = workers * utilisation
    blocked = 1.0  # Erlang's B by its recursion: no factorials
    for servers in range(1, workers + 1):
        blocked = offered * blocked / (servers + offered * blocked)
    waits = blocked / (1 - utilisation * (1 - blocked))
    return waits * mean_s / (workers * (1 - utilisation))


class _Worker:
    def __init__(self, parts: int) -> None:
        self.interactive = list(range(parts))
        self.bulk = list(range(parts, 2 * parts))
        self.since_bulk = 0
        self.asked: set[int] = set()
        self.steps: list[int] = []
        self.round = 0
        self.busy = False


class _World:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.chance = random.Random(case.seed)
        self.workers = [_Worker(case.parts) for _ in range(case.workers)]
        self.waiting: list[deque[float]] = [deque() for _ in range(2 * case.parts)]
        self.demands: list[deque[int]] = [deque() for _ in range(2 * case.parts)]
        self.events: list[tuple[float, int, str, int, float]] = []
        self.order = itertools.count()
        self.waits: tuple[list[float], list[float]] = ([], [])
        self.bounces = 0

    def later(self, at_s: float, what: str, which: int, extra: float = 0.0) -> None:
        heapq.heappush(self.events, (at_s, next(self.order), what, which, extra))

    def run(self) -> None:
        rate = self.case.workers * self.case.utilisation / self.case.mean_s
        at_s = 0.0
        for number in range(self.case.workers):
            self.later(0.0, "free", number)
        for _ in range(self.case.jobs):
            at_s += self.chance.expovariate(rate)
            lane = self.case.parts * (self.chance.random() < self.case.bulk)
            self.later(at_s, "arrives", lane + self.chance.randrange(self.case.parts), at_s)
        ended = 0
        while ended < self.case.jobs:
            now_s, _, what, which, extra = heapq.heappop(self.events)
            if what == "arrives":
                self.waiting[which].append(extra)
                self.dispatch(which, now_s)
            elif what == "comes back":
                self.waiting[which].appendleft(extra)
                self.dispatch(which, now_s)
            elif what == "free":
                ended += self.workers[which].busy
                self.ask_anew(which, now_s)
            elif self.workers[which].round == extra and not self.workers[which].busy:
                self.ask_on(which, now_s)

    def ask_anew(self, number: int, now_s: float) -> None:
        worker = self.workers[number]
        worker.busy = False
        if worker.since_bulk < self.case.bulk_every - 1:
            worker.steps = [*worker.interactive, *worker.bulk]
        else:
            worker.since_bulk = 0
            worker.steps = [*worker.bulk, *worker.interactive]
        worker.round += 1
        self.ask_on(number, now_s)

    def ask_on(self, number: int, now_s: float) -> None:
        worker = self.workers[number]
        while worker.steps and not worker.busy:
            topic = worker.steps.pop(0)
            if topic in worker.asked:
                continue  # nothing waits there, or it would have come
            worker.asked.add(topic)
            self.demands[topic].append(number)
            self.dispatch(topic, now_s)
            if not worker.busy and worker.steps:
                return self.later(now_s + GRACE_S, "asks on", number, worker.round)
        return None

    def dispatch(self, topic: int, now_s: float) -> None:
        while self.waiting[topic] and self.demands[topic]:
            number, since_s = self.demands[topic].popleft(), self.waiting[topic].popleft()
            worker = self.workers[number]
            worker.asked.discard(topic)
            if worker.busy:
                self.bounces += 1
                self.later(now_s + GIVE_BACK_S, "comes back", topic, since_s)
                continue
            self.begin(number, topic, now_s)
            self.waits[topic >= self.case.parts].append(now_s - since_s)

    def begin(self, number: int, topic: int, now_s: float) -> None:
        worker = self.workers[number]
        worker.busy = True
        lane = worker.bulk if topic >= self.case.parts else worker.interactive
        turn = lane.index(topic) + 1
        lane[:] = lane[turn:] + lane[:turn]
        worker.since_bulk = 0 if lane is worker.bulk else worker.since_bulk + 1
        self.later(now_s + self.duration_s(), "free", number)

    def duration_s(self) -> float:
        mean_s, sigma = self.case.mean_s, self.case.sigma
        if not sigma:
            return self.chance.expovariate(1 / mean_s)
        return self.chance.lognormvariate(math.log(mean_s) - sigma**2 / 2, sigma)


def simulated(case: Case) -> Waits:
    """Run one case. The same case gives the same waits."""
    world = _World(case)
    world.run()
    interactive, bulk = map(sorted, world.waits)
    return Waits(interactive, bulk, world.bounces / case.jobs)
