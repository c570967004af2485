"""The configuration of the pipeline: `config.yml`, checked."""

from __future__ import annotations

from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from model_containers.cough.algos.color_spectrogram import ColorSpecParams
from model_containers.cough.algos.mel_spectrogram import MelSpecParams
from model_containers.cough.algos.normalisation import QualityParams
from model_containers.cough.algos.segmentation import SegmentationParams


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    """sample_rate: in Hz, of everything behind decoding. max_duration_s: of the longest recording.

    threshold: probability from which a segment is called a cough.
    """

    sample_rate: Annotated[int, Field(ge=8000, le=48000)] = 16000
    max_duration_s: Annotated[float, Field(gt=0)] = 120.0
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    quality: QualityParams = QualityParams()
    segmentation: SegmentationParams = SegmentationParams()
    mel_spectrogram: MelSpecParams = MelSpecParams()
    color_spectrogram: ColorSpecParams = ColorSpecParams()


_PARTS = {
    "quality": QualityParams,
    "segmentation": SegmentationParams,
    "mel_spectrogram": MelSpecParams,
    "color_spectrogram": ColorSpecParams,
}


def load_config(path: Path | None = None) -> Config:
    """Read a configuration, the shipped one when `path` is None. Raises ValueError naming the field."""
    file = path or resources.files("model_containers.cough.runtime") / "config.yml"
    document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    for name, kind in _PARTS.items():
        unknown = set(document.get(name) or {}) - {field.name for field in fields(kind)}
        if unknown:
            raise ValueError(f"{path or 'config.yml'}: {name}.{min(unknown)}: is no setting")
    try:
        return TypeAdapter(Config).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(
            f"{path or 'config.yml'}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error
