"""LoRAs of runs: for each set of them the changed weights, beside the checkpoint's own, which are never touched.

So nothing has to be taken back, and runs with other LoRAs, or none, go on meanwhile. A set's weights are kept while
runs use them, and a few sets longer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from model_containers.diffusers.lora_files import NETWORKS, read_lora
from model_containers.diffusers.shared_passes.seat import SharedParts
from model_containers.sdk.errors import InvalidInput

SETS = 4
"""Sets whose weights are kept for the next run that asks for them."""


@dataclass(frozen=True)
class LoraChoice:
    """A LoRA of a run, by the name of its file, and how strongly it acts."""

    name: str
    weight: float


class ChangedEncoder:
    """A text encoder with other weights in some places. Used by one thread at a time."""

    def __init__(self, encoder: Any, weights: Mapping[str, torch.Tensor]) -> None:
        self._encoder = encoder
        self._weights = dict(weights)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """As the encoder itself."""
        return torch.func.functional_call(self._encoder, self._weights, arguments, options)


class Loras:
    """The LoRAs of a folder, for one loaded checkpoint. May be used from any thread."""

    def __init__(self, folder: Path | None, pipeline: Any, parts: SharedParts) -> None:
        """folder: of files NAME.safetensors, which may come and go; None: there are none."""
        self._folder = folder
        self._parts = parts
        self._networks = {
            name: getattr(pipeline, name) for name in NETWORKS if getattr(pipeline, name, None) is not None
        }
        self._lock = threading.Lock()
        self._sets: OrderedDict[object, SharedParts] = OrderedDict()

    def parts(self, choices: Sequence[LoraChoice]) -> SharedParts:
        """The model's parts with these LoRAs: the same ones for the same set. Raises InvalidInput."""
        wanted = sorted((each for each in choices if each.weight), key=lambda each: (each.name, each.weight))
        if not wanted:
            return self._parts
        files = [self._file(each, choices.index(each)) for each in wanted]
        stats = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
        key = tuple((stat, each.weight) for stat, each in zip(stats, wanted, strict=True))
        with self._lock:
            if key not in self._sets:
                fields = [f"loras.{choices.index(each)}.name" for each in wanted]
                self._sets[key] = self._changed(
                    [(f, each.weight, field) for f, each, field in zip(files, wanted, fields, strict=True)]
                )
            self._sets.move_to_end(key)
            while len(self._sets) > SETS:
                self._sets.popitem(last=False)
            return self._sets[key]

    def _file(self, choice: LoraChoice, number: int) -> Path:
        field = f"loras.{number}.name"
        if self._folder is None:
            raise InvalidInput(field, "this container has no folder of LoRAs (--loras)")
        file = self._folder / f"{choice.name}.safetensors"
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in self._folder.glob("*.safetensors"))[:20]) or "none"
            raise InvalidInput(field, f"there is no LoRA {choice.name!r}; there are: {known}")
        return file

    def _changed(self, wanted: Sequence[tuple[Path, float, str]]) -> SharedParts:
        weights: dict[str, dict[str, torch.Tensor]] = {name: {} for name in self._networks}
        with torch.no_grad():
            for file, weight, field in wanted:
                for network, changes in read_lora(file, self._networks, field).items():
                    own = dict(self._networks[network].named_parameters())
                    for name, change in changes.items():
                        base = weights[network].get(name, own[name].detach().float())
                        try:
                            delta = change.delta(base.shape)
                        except ValueError as error:
                            raise InvalidInput(field, f"{file.name}: {name}: {error}") from None
                        weights[network][name] = base + weight * delta.to(base.device)
        ready = {
            network: {name: part.to(self._networks[network].dtype) for name, part in changed.items()}
            for network, changed in weights.items()
        }
        encoders = {
            name: ChangedEncoder(self._networks[name], changed)
            for name, changed in ready.items()
            if name != "unet" and changed
        }
        return replace(self._parts, unet=self._parts.unet.changed(ready["unet"]), encoders=encoders)
