"""AudioCraft's own files, `state_dict.bin` and `compression_state_dict.bin`, read without running what is in them.

They are what `torch.save` writes of a dictionary: `xp.cfg`, the configuration as YAML; `best_state`, the weights; or,
of a codec that is another project's, `pretrained`, its name. audiocraft/utils/export.py.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from model_containers.audiocraft.own_config import OwnConfig
from model_containers.sdk.errors import CheckpointError

if TYPE_CHECKING:
    import torch

MOST_PICKLE_BYTES = 64 << 20
CONFIG, WEIGHTS, PRETRAINED = "xp.cfg", "best_state", "pretrained"
_DAMAGED = (OSError, RuntimeError, ValueError, KeyError, EOFError, AttributeError, TypeError, IndexError)


def read_header(file: Path) -> dict[str, Any]:
    """What a file says beside its weights; neither torch nor the weights are read.

    The reader knows only the names that weights need, so that nothing else can be called. Raises CheckpointError.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            [name] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if archive.getinfo(name).file_size > MOST_PICKLE_BYTES:
                raise CheckpointError(f"{file}: its table of contents is too large")
            found = _Header(io.BytesIO(archive.read(name))).load()
    except FileNotFoundError as error:
        raise CheckpointError(f"{file}: missing") from error
    except (zipfile.BadZipFile, pickle.UnpicklingError, *_DAMAGED) as error:
        raise CheckpointError(f"{file}: truncated, or no file of AudioCraft's: {error}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{file}: must hold a dictionary")
    return {name: value for name, value in found.items() if name != WEIGHTS}


def config_of(header: dict[str, Any], file: Path) -> OwnConfig:
    """The configuration that a file's header holds. Raises CheckpointError."""
    text = header.get(CONFIG)
    if not isinstance(text, str):
        raise CheckpointError(f"{file}: holds no {CONFIG}; export it with audiocraft.utils.export")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CheckpointError(f"{file}: {CONFIG} is no YAML: {error}") from error
    return OwnConfig(document, file)


def read_weights(file: Path) -> dict[str, torch.Tensor]:
    """The weights. torch reads tensors alone here, no other object. Raises CheckpointError."""
    import torch

    try:
        found = torch.load(file, map_location="cpu", weights_only=True, mmap=True)[WEIGHTS]
    except (pickle.UnpicklingError, *_DAMAGED) as error:
        raise CheckpointError(f"{file}: the weights can't be read: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict) or not all(isinstance(each, torch.Tensor) for each in found.values()):
        raise CheckpointError(f"{file}: {WEIGHTS} must be tensors by name")
    return found


class _Header(pickle.Unpickler):
    """Reads everything but tensors, of which it makes None."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return _nothing
        if module == "torch" and name.endswith("Storage"):
            return name
        raise pickle.UnpicklingError(f"{module}.{name} can run code and is refused")

    def persistent_load(self, pid: Any) -> None:
        """Weights are read later."""


def _nothing(*_: object) -> None:
    return None
