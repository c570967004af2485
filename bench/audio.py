"""The audiocraft container beside stock transformers, in one run and in turns: `python -m bench.audio`.

The time of a sound that is alone, sounds a minute with 8 requests at a time (the peer makes them one after the other),
and the container's memory over many jobs. Both use sounds-16k, or what `--checkpoint` names, and as many threads of
torch.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import statistics
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

from bench.processes import ROOT
from bench.report import Figure, print_table, write_json
from bench.served_container import run, served, together
from bench.steady_memory import memory
from bench.transformers_peer import StockMusicgen
from evoke.adapters.grpc_model.client import GrpcModelClient

CHECKPOINT = ROOT / "model_containers" / "audiocraft" / "sounds16k" / "checkpoint"
RESULTS = Path(__file__).parent / "results" / "audio.json"
MODEL = "sounds-16k"
AT_A_TIME = 8
DURATION_S = 4.0
SHORT_S = 0.4
PROMPTS = ("a slow low siren", "fast high beeps", "a car horn", "a low drum, slow", "birds chirping", "rain")


def request(seed: int, duration_s: float = DURATION_S) -> dict[str, Any]:
    """The input of a run."""
    return {
        "prompt": PROMPTS[seed % len(PROMPTS)],
        "seed": seed,
        "duration_s": duration_s,
        "temperature": 1.0,
        "top_k": 250,
        "cfg_coef": 3.0,
        "format": "wav",
    }


def seconds_of(data: bytes) -> float:
    """How long a WAV file plays."""
    with wave.open(io.BytesIO(data)) as file:
        return float(file.getnframes() / file.getframerate())


async def alone(stock: StockMusicgen, client: GrpcModelClient, count: int) -> Figure:
    """The time of one request that is alone, p50; the two take turns request by request."""
    ours, peers = [], []
    for seed in range(count):
        started = time.perf_counter()
        sound = await run(client, MODEL, request(seed))
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        peer_sound = stock.wav(request(seed))
        peers.append(time.perf_counter() - started)
        if abs(seconds_of(sound) - seconds_of(peer_sound)) > 0.1:
            raise RuntimeError("the two make sounds of different lengths")
    value, peer = (statistics.median(times) * 1e3 for times in (ours, peers))
    return Figure(
        name=f"a lone sound of {DURATION_S:g} s, p50",
        value=value,
        unit="ms",
        peer=peer,
        aim="≤ peer",
        met=value <= peer,
    )


async def throughput(stock: StockMusicgen, client: GrpcModelClient, rounds: int, count: int) -> Figure:
    """Sounds a minute. The aim at 8 at a time, 3 × the peer, is one for a GPU."""
    requests = [request(seed) for seed in range(count)]
    ours, peers = [], []
    for _ in range(rounds):
        ours.append(await together(client, MODEL, requests, AT_A_TIME))
        started = time.perf_counter()
        for asked in requests:
            stock.wav(asked)
        peers.append(time.perf_counter() - started)
    return Figure(
        name=f"sounds of {DURATION_S:g} s a minute, {AT_A_TIME} at a time",
        value=60 * count / statistics.median(ours),
        unit="/min",
        peer=60 * count / statistics.median(peers),
    )


async def measure(options: argparse.Namespace, folder: Path) -> list[Figure]:
    """All figures."""
    stock = StockMusicgen(options.checkpoint, options.threads)
    served_as = (
        "--model",
        f"{MODEL}={options.checkpoint}",
        "--device",
        "cpu",
    )
    module = "model_containers.audiocraft"
    async with served(folder, module, *served_as, threads=options.threads) as (client, pid):
        await together(client, MODEL, [request(seed) for seed in range(AT_A_TIME)], AT_A_TIME)
        stock.wav(request(0))
        return [
            await alone(stock, client, options.alone),
            await throughput(stock, client, options.rounds, options.sounds),
            await memory(
                lambda seed: run(client, MODEL, request(seed, SHORT_S)), pid, options.jobs, AT_A_TIME
            ),
        ]


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.audio", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT, help="in transformers' layout")
    parser.add_argument("--threads", type=int, help="CPU threads of torch, of both (default: its own choice)")
    parser.add_argument("--alone", type=int, default=20, help="requests that are alone (default: 20)")
    parser.add_argument("--rounds", type=int, default=3, help="how often the two take turns (default: 3)")
    parser.add_argument("--sounds", type=int, default=16, help="of one round (default: 16)")
    parser.add_argument("--jobs", type=int, default=1000, help="over which memory is watched (default: 1000)")
    os.environ.update({"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})
    with tempfile.TemporaryDirectory(prefix="evoke-bench-") as folder:
        figures = asyncio.run(measure(parser.parse_args(), Path(folder)))
    print_table(figures)
    write_json(figures, RESULTS)


if __name__ == "__main__":
    main()
