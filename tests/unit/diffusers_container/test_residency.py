"""Several checkpoints in one container: the ones used longest ago go when there is no room."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import LoadedModel, load
from model_containers.diffusers.memory import bytes_of
from model_containers.diffusers.residency import Residency
from model_containers.diffusers.shelf import Shelf
from model_containers.sdk import OutOfMemory
from tests.unit.diffusers_container.shared_passes.seats import alone
from tests.unit.diffusers_container.watchers import USUAL

SHAPES_64 = Path(__file__).parents[3] / "model_containers" / "diffusers" / "shapes64" / "checkpoint"
SWAPS = 20


class Rack:
    """Checkpoints of ten bytes each, that are mere names. loaded: in order."""

    def __init__(self, limit_bytes: int | None) -> None:
        self.loaded: list[str] = []
        self.released = 0
        self.residency: Residency[str] = Residency(limit_bytes, lambda name: 10, self._release)

    def _release(self) -> None:
        self.released += 1

    def use(self, name: str) -> None:
        with self.using(name) as found:
            assert found == name

    def using(self, name: str) -> AbstractContextManager[str]:
        return self.residency.use(name, lambda: self._load(name), 10, lambda: None)

    def _load(self, name: str) -> str:
        self.loaded.append(name)
        return name


def test_without_a_limit_everything_stays() -> None:
    rack = Rack(None)
    for name in "abcabc":
        rack.use(name)
    assert rack.loaded == ["a", "b", "c"]


def test_the_one_used_longest_ago_goes_first() -> None:
    rack = Rack(20)
    for name in "abacab":
        rack.use(name)
    assert rack.loaded == ["a", "b", "c", "b"]
    assert rack.residency.names == ("a", "b")
    assert rack.released == 2


def test_one_that_a_run_uses_stays_and_another_run_waits_for_room() -> None:
    rack = Rack(10)
    with rack.using("a"):
        other = threading.Thread(target=rack.use, args=("b",), daemon=True)
        other.start()
        other.join(0.5)
        assert rack.loaded == ["a"]
        assert rack.residency.names == ("a",)
    other.join(20)
    assert rack.loaded == ["a", "b"]


def test_a_run_that_nobody_wants_any_more_stops_waiting_for_room() -> None:
    rack = Rack(10)

    def unwanted() -> None:
        raise KeyboardInterrupt

    with rack.using("a"), pytest.raises(KeyboardInterrupt), rack.residency.use("b", str, 10, unwanted):
        pass
    assert rack.residency.names == ("a",)


def test_one_that_is_larger_than_the_limit_is_loaded_alone() -> None:
    rack = Rack(5)
    rack.use("a")
    rack.use("b")
    assert rack.loaded == ["a", "b"]
    assert rack.residency.names == ("b",)


def test_runs_at_the_same_time_load_a_checkpoint_once() -> None:
    rack = Rack(None)
    threads = [threading.Thread(target=rack.use, args=("a",), daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert rack.loaded == ["a"]


def test_when_memory_does_not_suffice_idle_ones_go_and_it_is_tried_again() -> None:
    rack = Rack(None)
    rack.use("a")
    tries: list[tuple[str, ...]] = []

    def scarce() -> str:
        tries.append(rack.residency.names)
        if len(tries) == 1:
            raise OutOfMemory("not enough")
        return "b"

    with rack.residency.use("b", scarce, 10, lambda: None):
        assert tries == [("a",), ()]
    with pytest.raises(OutOfMemory), rack.using("b"), rack.residency.use("c", _never, 10, lambda: None):
        pass
    rack.use("b")


def _never() -> str:
    raise OutOfMemory("not enough")


def _resident_bytes() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


@pytest.mark.timeout(400)
def test_swapping_checkpoints_twenty_times_grows_nothing(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        shutil.copytree(SHAPES_64, folder)
    shelf = Shelf(limit_bytes=16 << 20)
    networks: list[weakref.ref[object]] = []
    sizes: list[int] = []

    def load_it(folder: Path) -> LoadedModel:
        model = load(checkpoint_files(folder), choose_device("cpu", "float32", threads=1))
        networks.append(weakref.ref(model.pipeline.unet))
        return model

    for number in range(SWAPS + 4):
        folder = folders[number % 2]
        with shelf.use(folder.name, lambda folder=folder: load_it(folder), 0, lambda: None) as model:  # type: ignore[misc]
            assert len(alone(model, USUAL)) == 1
            size = bytes_of([model.pipeline.unet, model.pipeline.vae, model.pipeline.text_encoder])
        del model
        sizes.append(_resident_bytes())
    gc.collect()
    assert len(networks) == SWAPS + 4
    assert [ref() is not None for ref in networks] == [False] * (SWAPS + 3) + [True]
    assert sizes[-1] - sizes[3] < 2 * size, "memory grows by each swap"


def test_the_bytes_of_a_checkpoint_are_those_of_its_numbers_each_counted_once() -> None:
    files = checkpoint_files(SHAPES_64)
    model = load(files, choose_device("cpu", "float32", threads=1))
    parts = [model.pipeline.unet, model.pipeline.vae, model.pipeline.text_encoder]
    numbers = sum(tensor.numel() for part in parts for tensor in part.parameters())
    assert bytes_of(parts) == pytest.approx(4 * numbers, rel=0.02)
    assert 2 * numbers <= files.size_bytes() <= 5 * numbers
    assert bytes_of([*parts, *parts]) == bytes_of(parts)
