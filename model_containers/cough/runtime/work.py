"""One piece of work for the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from model_containers.cough.algos.color_spectrogram import ColorSpecParams
from model_containers.cough.algos.mel_spectrogram import MelSpecParams
from model_containers.cough.algos.segmentation import SegmentationParams


@dataclass(frozen=True)
class WorkUnit:
    """source_file: a sound file, by its path or open. The rest: None for what the configuration says."""

    source_file: Path | BinaryIO
    segmentation_params: SegmentationParams | None = None
    mel_spec_params: MelSpecParams | None = None
    color_spec_params: ColorSpecParams | None = None
