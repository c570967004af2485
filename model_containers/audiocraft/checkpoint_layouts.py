"""The layout of a checkpoint's folder, told by its files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from model_containers.audiocraft.checkpoint_facts import Facts, facts_of, wishes_of
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.own_layout import WEIGHTS, OwnLayout
from model_containers.checkpoints.files import PICKLES, check_safetensors, read_json
from model_containers.sdk.errors import CheckpointError

MELODY = "musicgen_melody"
KINDS = ("musicgen", MELODY)


class Layout(Protocol):
    """A checkpoint on disk."""

    def facts(self, bounds: Bounds) -> Facts:
        """What the configs say. Raises CheckpointError."""
        ...

    def load(self) -> tuple[Any, Any]:
        """The model (one of transformers' MusicGen classes, on the CPU) and its tokenizer.

        Raises CheckpointError naming the file that is not right.
        """
        ...


@dataclass(frozen=True)
class TransformersLayout:
    """`config.json`, `.safetensors` weights and a tokenizer, as transformers' MusicGen classes write them."""

    folder: Path

    def facts(self, bounds: Bounds) -> Facts:
        """See `Layout`."""
        file = self.folder / "config.json"
        config = read_json(file)
        kind = config.get("model_type")
        if kind not in KINDS:
            raise CheckpointError(
                f"{file}: model_type is {kind!r}; only {' and '.join(KINDS)} are served"
                " (AudioGen's models are of the first)"
            )
        codec = config.get("audio_encoder")
        decoder = config.get("decoder")
        channels = decoder.get("audio_channels", 1) if isinstance(decoder, dict) else 1
        if channels not in (1, 2):
            raise CheckpointError(f"{file}: decoder.audio_channels is {channels!r}, must be 1 or 2")
        found = facts_of(codec if isinstance(codec, dict) else {}, wishes_of(self.folder), bounds, file)
        return replace(found, melody=kind == MELODY, channels=channels)

    def load(self) -> tuple[Any, Any]:
        """See `Layout`."""
        self._check()
        from model_containers.audiocraft import transformers_layout

        return transformers_layout.load(self.folder)

    def _check(self) -> None:
        files = sorted(self.folder.glob("*.safetensors"))
        if not files:
            pickled = [file.name for file in sorted(self.folder.iterdir()) if file.suffix in PICKLES]
            said = f"{pickled[0]} can run code and is refused" if pickled else "there are no weights"
            raise CheckpointError(f"{self.folder}: holds no .safetensors file; {said}")
        for file in files:
            check_safetensors(file)


def layout_of(folder: Path) -> Layout:
    """Tell the layout. Raises CheckpointError where the folder is neither."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder")
    if (folder / WEIGHTS).exists():
        return OwnLayout(folder)
    if (folder / "config.json").exists():
        return TransformersLayout(folder)
    raise CheckpointError(f"{folder}: holds neither config.json nor {WEIGHTS}")
