"""What a diagnosis of a clip of 10 s takes: `python -m bench.cough`.

Once as the pipeline by itself, as training uses it, and once through the container as the sidecar asks it, with its
pictures. Both on one thread, in turns; the time on the clock and the processor's. And the container's memory over many.
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

from bench.processes import cpu_seconds
from bench.report import Figure, print_table, write_json
from bench.served_container import run, served
from bench.steady_memory import memory

RESULTS = Path(__file__).parent / "results" / "cough.json"
CLIP_S = 10
WARM = 5
AIM_MS = 60.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def clip(seed: int) -> bytes:
    """A recording of 10 s as a WAV file: four coughs, two beeps and a quiet room."""
    # Imported here: NumPy reads how many threads it may have when it is imported.
    import numpy as np

    from model_containers.cough.training.sounds import RATE, background, beep, cough

    chance = np.random.default_rng(seed)
    samples = background(chance, CLIP_S * RATE) * 0.003
    for place, make in enumerate((cough, beep, cough, cough, beep, cough)):
        sound, start = make(chance), int((0.4 + 1.6 * place) * RATE)
        samples[start : start + len(sound)] += 0.7 * sound
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return stream.getvalue()


async def measure(count: int, jobs: int, folder: Path) -> list[Figure]:
    """All figures."""
    from model_containers.cough.runtime import WorkUnit, execute

    pipeline, container = [], []
    async with served(folder, "model_containers.cough") as (client, pid):
        for seed in range(WARM):
            await run(client, "cough", {}, {"audio": clip(seed)})
            execute(WorkUnit(source_file=io.BytesIO(clip(seed))))
        before, spent = cpu_seconds(pid), 0.0
        for seed in range(count):
            recording = clip(seed)
            began, busy = time.perf_counter(), time.process_time()
            execute(WorkUnit(source_file=io.BytesIO(recording)))
            pipeline.append((time.perf_counter() - began) * 1e3)
            spent += time.process_time() - busy
            began = time.perf_counter()
            await run(client, "cough", {}, {"audio": recording})
            container.append((time.perf_counter() - began) * 1e3)
        container_spent = cpu_seconds(pid) - before
        recordings = [clip(seed) for seed in range(WARM)]
        steady = await memory(
            lambda number: run(client, "cough", {}, {"audio": recordings[number % WARM]}), pid, jobs, 1
        )
    return [
        _timed("the pipeline, p50", pipeline),
        Figure(name="… of it processor time", value=spent / count * 1e3, unit="ms"),
        _timed("through the container, with its pictures, p50", container),
        Figure(
            name="… of it processor time of the container", value=container_spent / count * 1e3, unit="ms"
        ),
        steady,
    ]


def _timed(name: str, times_ms: list[float]) -> Figure:
    value = statistics.median(times_ms)
    return Figure(
        name=f"a clip of {CLIP_S} s: {name}", value=value, unit="ms", aim="≤ 60 ms", met=value <= AIM_MS
    )


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.cough", description=__doc__)
    parser.add_argument("--clips", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--jobs", type=int, default=1000, help="over which memory is watched (default: 1000)")
    options = parser.parse_args()
    os.environ.update(ONE_THREAD)
    with tempfile.TemporaryDirectory(prefix="evoke-bench-") as folder:
        figures = asyncio.run(measure(options.clips, options.jobs, Path(folder)))
    print_table(figures)
    write_json(figures, RESULTS)


if __name__ == "__main__":
    main()
