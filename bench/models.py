"""The diffusers container beside stock diffusers, in one run and in turns: `python -m bench.models`.

Pictures a minute with 8 mixed requests at a time (the peer makes them one after the other), the time of a request that
is alone, and the container's memory over many jobs. Both use as many threads of torch. The container is asked as
the sidecar asks it: by gRPC through a Unix socket, with progress and previews.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.diffusers_peer import SCHEDULERS, StockDiffusers
from bench.processes import ROOT, cpu_seconds
from bench.report import Figure, print_table, write_json
from bench.served_container import messages, run, served, together
from bench.steady_memory import memory
from evoke.adapters.grpc_model.client import GrpcModelClient
from evoke.ports.model_client import StepDone

CHECKPOINT = ROOT / "model_containers" / "diffusers" / "shapes64" / "checkpoint"
RESULTS = Path(__file__).parent / "results" / "models.json"
MODEL = "shapes-64"
AT_A_TIME = 8
PROMPTS = (
    "a large red circle on a blue background",
    "a small green square",
    "a yellow triangle on the left",
    "a blue star on a black background",
)
STEPS = (10, 15, 20, 25, 30)
STEPS_SEEN = 3
GUIDANCE = (1.5, 3.0, 7.0)


def mixed(count: int) -> list[dict[str, Any]]:
    """Requests that differ in prompt, sampler, steps, guidance and seed."""
    kinds = zip(
        itertools.cycle(PROMPTS),
        itertools.cycle(SCHEDULERS),
        itertools.cycle(STEPS[2:] + STEPS[:2]),
        itertools.cycle(GUIDANCE),
        strict=False,
    )
    chosen = itertools.islice(kinds, count)
    return [request(*kind, seed=seed) for seed, kind in enumerate(chosen)]


def request(prompt: str, sampler: str, steps: int, guidance: float, seed: int) -> dict[str, Any]:
    """The input of a run."""
    return {
        "prompt": prompt,
        "negative_prompt": "",
        "sampler_name": sampler,
        "steps": steps,
        "cfg_scale": guidance,
        "seed": seed,
        "width": 64,
        "height": 64,
    }


async def picture(client: GrpcModelClient, asked: dict[str, Any]) -> bytes:
    """The PNG of one run."""
    return await run(client, MODEL, asked)


async def throughput(
    stock: StockDiffusers, client: GrpcModelClient, pid: int, rounds: int, count: int
) -> list[Figure]:
    """Pictures a minute, and pictures a CPU second of the container."""
    requests = mixed(count)
    ours, peers, spent, peers_spent = [], [], [], []
    for _ in range(rounds):
        before = cpu_seconds(pid)
        ours.append(await together(client, MODEL, requests, AT_A_TIME))
        spent.append(cpu_seconds(pid) - before)
        before, started = cpu_seconds(os.getpid()), time.perf_counter()
        for asked in requests:
            stock.png(asked)
        peers.append(time.perf_counter() - started)
        peers_spent.append(cpu_seconds(os.getpid()) - before)
    ratio = statistics.median(peer / our for our, peer in zip(ours, peers, strict=True))
    rate = 60 * count / statistics.median(ours)
    per_cpu = count / statistics.median(spent)
    return [
        Figure(
            name=f"pictures a minute, {AT_A_TIME} mixed requests at a time",
            value=rate,
            unit="/min",
            peer=rate / ratio,
            aim="≥ 1.8 × peer",
            met=ratio >= 1.8,
        ),
        Figure(
            name="the same for each second of CPU time",
            value=per_cpu,
            unit="/s",
            peer=count / statistics.median(peers_spent),
        ),
    ]


async def alone(stock: StockDiffusers, client: GrpcModelClient, count: int) -> Figure:
    """The time of one request that is alone, p50; the two take turns request by request."""
    ours, peers = [], []
    for seed in range(count):
        asked = request(PROMPTS[seed % len(PROMPTS)], "euler_a", 20, 1.5, seed)
        started = time.perf_counter()
        await picture(client, asked)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        stock.png(asked)
        peers.append(time.perf_counter() - started)
    value, peer = (statistics.median(times) * 1e3 for times in (ours, peers))
    met = value <= 1.03 * peer
    return Figure(name="a lone request, p50", value=value, unit="ms", peer=peer, aim="≤ 1.03 × peer", met=met)


async def cancelled(client: GrpcModelClient, count: int) -> Figure:
    """How long after a run is cancelled the next one, which waits for a slot, begins; beside a step of the others."""
    freed, steps = [], []
    for seed in range(count):
        others = [Running(client, request(PROMPTS[0], "euler", 150, 3.0, seed)) for _ in range(AT_A_TIME)]
        for other in others:
            await other.stepped.wait()
        begins = Running(client, request("an unheard-of thing", "euler", 2, 3.0, seed))
        await asyncio.sleep(0.5)
        steps.append(others[1].step_s)
        if begins.heard.is_set():
            raise RuntimeError("the container took one run more than it has slots")
        started = time.perf_counter()
        others[0].task.cancel()
        await begins.heard.wait()
        freed.append(time.perf_counter() - started)
        for running in (*others, begins):
            running.task.cancel()
        await asyncio.gather(*(running.task for running in (*others, begins)), return_exceptions=True)
    value, peer = (statistics.median(times) * 1e3 for times in (freed, steps))
    return Figure(
        name="a cancelled run's slot taken by the next, beside a step of the others",
        value=value,
        unit="ms",
        peer=peer,
        aim="≤ 1 step",
        met=value <= peer,
    )


class Running:
    """A run under way. heard: it said something (of a word that it does not know, say). stepped: it made some steps."""

    def __init__(self, client: GrpcModelClient, asked: dict[str, Any]) -> None:
        self.heard, self.stepped = asyncio.Event(), asyncio.Event()
        self._steps: list[float] = []
        self.task = asyncio.create_task(self._watch(client, asked))

    @property
    def step_s(self) -> float:
        """The median time between two steps."""
        return statistics.median(after - before for before, after in itertools.pairwise(self._steps))

    async def _watch(self, client: GrpcModelClient, asked: dict[str, Any]) -> None:
        async for part in messages(client, MODEL, asked):
            self.heard.set()
            if isinstance(part, StepDone):
                self._steps.append(time.perf_counter())
                if len(self._steps) >= STEPS_SEEN:
                    self.stepped.set()


def short(count: int) -> list[dict[str, Any]]:
    """Requests of two to four steps."""
    return [{**asked, "steps": 2 + index % 3} for index, asked in enumerate(mixed(count))]


async def measure(options: argparse.Namespace, folder: Path) -> list[Figure]:
    """All figures."""
    stock, asked = StockDiffusers(CHECKPOINT, options.threads), short(options.jobs)
    arguments = ("--model", f"{MODEL}={CHECKPOINT}", "--device", "cpu")
    async with served(folder, "model_containers.diffusers", *arguments, threads=options.threads) as (
        client,
        pid,
    ):
        await together(client, MODEL, mixed(AT_A_TIME), AT_A_TIME)
        stock.png(mixed(1)[0])
        return [
            *await throughput(stock, client, pid, options.rounds, options.pictures),
            await alone(stock, client, options.alone),
            await cancelled(client, options.cancelled),
            await memory(lambda number: run(client, MODEL, asked[number]), pid, options.jobs, AT_A_TIME),
        ]


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.models", description=__doc__)
    parser.add_argument(
        "--threads", type=int, help="CPU threads of torch, of both (default: torch's own choice)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often the two take turns (default: 5)")
    parser.add_argument("--pictures", type=int, default=32, help="of one round (default: 32)")
    parser.add_argument("--alone", type=int, default=40, help="requests that are alone (default: 40)")
    parser.add_argument("--cancelled", type=int, default=15, help="requests that are cancelled (default: 15)")
    parser.add_argument("--jobs", type=int, default=1000, help="over which memory is watched (default: 1000)")
    os.environ.update({"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})
    with tempfile.TemporaryDirectory(prefix="evoke-bench-") as folder:
        figures = asyncio.run(measure(parser.parse_args(), Path(folder)))
    print_table(figures)
    write_json(figures, RESULTS)


if __name__ == "__main__":
    main()
