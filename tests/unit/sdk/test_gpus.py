"""How busy GPUs are, asked through the C interface of NVIDIA's driver: here a library of the same symbols."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from evoke.protocol.generated import model_pb2 as pb
from model_containers.sdk import Manifest, Model, Result, Run
from model_containers.sdk.gpu_watch import LONGEST_S, GpuWatch
from model_containers.sdk.gpus import Gpus, Reading
from model_containers.workbench.connection import Request
from model_containers.workbench.in_process import serving_model
from model_containers.workbench.outcome import outcome_of
from model_containers.workbench.running import run_request

GIB = 1024**3
DRIVER = r"""
#include <stdlib.h>
#include <string.h>
typedef struct { unsigned int gpu, memory; } utilisation;
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned int busy; unsigned long long used; } device;
static device DEVICES[2] = {{25, 3ULL << 30}, {75, 5ULL << 30}};
static int started = 0;

int nvmlInit_v2(void) { started = 1; return BROKEN; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return started ? 0 : 1; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device **found) {
    if (index >= 2) return 2;
    *found = &DEVICES[index];
    return 0;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, device **found) {
    if (strcmp(uuid, "GPU-second")) return 6;
    *found = &DEVICES[1];
    return 0;
}
int nvmlDeviceGetUtilizationRates(device *asked, utilisation *told) {
    if (SLICED) return 3;
    told->gpu = asked->busy;
    told->memory = 99;
    return 0;
}
int nvmlDeviceGetMemoryInfo(device *asked, memory *told) {
    told->total = 80ULL << 30;
    told->free = told->total - asked->used;
    told->used = asked->used;
    return 0;
}
"""


@pytest.fixture(scope="module")
def compiler() -> str:
    found = shutil.which("cc")
    if found is None:
        pytest.skip("there is no C compiler, which makes the stand-in for the driver's library")
    return found


def driver(folder: Path, compiler: str, *, broken: int = 0, sliced: int = 0) -> str:
    """The path of a library that answers as a driver of two GPUs does."""
    source, library = folder / "nvml.c", folder / f"nvml-{broken}-{sliced}.so"
    source.write_text(DRIVER)
    defined = (f"-DBROKEN={broken}", f"-DSLICED={sliced}")
    subprocess.run([compiler, "-shared", "-fPIC", *defined, "-o", library, source], check=True)
    return str(library)


@pytest.mark.parametrize(
    ("visible", "reading"),
    [
        (None, Reading(0.5, 8 * GIB)),
        ("0", Reading(0.25, 3 * GIB)),
        ("1", Reading(0.75, 5 * GIB)),
        ("0,1", Reading(0.5, 8 * GIB)),
        ("GPU-second", Reading(0.75, 5 * GIB)),
    ],
)
def test_those_are_asked_that_the_process_may_use(
    tmp_path: Path, compiler: str, visible: str | None, reading: Reading
) -> None:
    gpus = Gpus.found(visible, driver(tmp_path, compiler))
    assert gpus is not None
    assert gpus.read() == reading


@pytest.mark.parametrize("visible", ["", "-1", "7"])
def test_where_cuda_sees_none_there_is_none(tmp_path: Path, compiler: str, visible: str) -> None:
    assert Gpus.found(visible, driver(tmp_path, compiler)) is None


def test_without_a_driver_there_is_none(tmp_path: Path) -> None:
    assert Gpus.found(None, str(tmp_path / "no-such-library.so")) is None


def test_a_driver_that_does_not_start_has_none(tmp_path: Path, compiler: str) -> None:
    assert Gpus.found(None, driver(tmp_path, compiler, broken=9)) is None


def test_of_a_slice_of_a_gpu_nothing_is_told(tmp_path: Path, compiler: str) -> None:
    gpus = Gpus.found(None, driver(tmp_path, compiler, sliced=1))
    assert gpus is not None
    assert gpus.read() is None


class Turns:
    """GPUs that give one answer after the other."""

    def __init__(self, *readings: Reading | None) -> None:
        self.left = list(readings)

    def read(self) -> Reading | None:
        return self.left.pop(0) if self.left else None


async def sent(
    gpus: Any, *told: pb.GenerateResponse, longest_s: float = LONGEST_S
) -> list[tuple[str, float]]:
    """The figures that a run sends, when its model sends these messages."""
    found: list[pb.GenerateResponse] = []

    async def send(message: pb.GenerateResponse) -> None:
        found.append(message)

    async with GpuWatch(gpus, longest_s=longest_s).over(send) as way:
        for message in told:
            await way(message)
    assert found[-1].WhichOneof("part") == "done"
    return [(each.metric.name, each.metric.value) for each in found if each.WhichOneof("part") == "metric"]


DONE = pb.GenerateResponse(done=pb.Done())


async def test_a_run_is_told_of_before_it_ends() -> None:
    assert await sent(Turns(Reading(0.5, GIB)), DONE) == [
        ("gpu_utilisation_ratio", 0.5),
        ("gpu_memory_bytes", GIB),
    ]


async def test_what_the_model_measured_itself_stands() -> None:
    own = pb.GenerateResponse(metric=pb.Metric(name="gpu_memory_bytes", value=7))
    assert await sent(Turns(Reading(0.5, GIB)), own, DONE) == [
        ("gpu_memory_bytes", 7),
        ("gpu_utilisation_ratio", 0.5),
    ]


@pytest.mark.parametrize("gpus", [None, Turns(None)], ids=["no GPU", "a GPU that can't tell"])
async def test_of_nothing_nothing_is_told(gpus: Any) -> None:
    assert await sent(gpus, DONE) == []


async def test_a_long_run_tells_the_mean_and_the_most() -> None:
    found: list[pb.GenerateResponse] = []

    async def send(message: pb.GenerateResponse) -> None:
        found.append(message)

    turns: Any = Turns(Reading(0.25, 2 * GIB), Reading(0.75, 9 * GIB), Reading(0.5, GIB))
    async with GpuWatch(turns, period_s=0.02).over(send) as way, asyncio.timeout(30):
        while len(turns.left) > 1:
            await asyncio.sleep(0.005)
        await way(DONE)
    figures = {each.metric.name: each.metric.value for each in found[:-1]}
    assert figures == {"gpu_utilisation_ratio": 0.5, "gpu_memory_bytes": 9 * GIB}


async def test_a_driver_that_hangs_stops_no_run() -> None:
    released = threading.Event()
    hanging = SimpleNamespace(read=released.wait)
    async with asyncio.timeout(30):
        assert await sent(hanging, DONE, longest_s=0.1) == []
    released.set()


class Input(BaseModel):
    """Nothing."""


class Idle(Model):
    manifest = Manifest(id="idle", task="t", input=Input)

    def generate(self, input: Input, run: Run) -> Result:
        del input
        run.log("nothing to do")
        return Result()


async def test_a_container_tells_its_sidecar(tmp_path: Path, compiler: str) -> None:
    gpus = Gpus.found("1", driver(tmp_path, compiler))
    async with serving_model(Idle(), gpus=gpus) as connection:
        outcome = outcome_of(await run_request(connection, Request("idle", b"{}", 30.0, {})))
    assert outcome.metrics == {"gpu_utilisation_ratio": 0.75, "gpu_memory_bytes": 5 * GIB}
