"""Where the networks run, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Device:
    """A torch device by name (`cpu`, `cuda`, `cuda:1`), and the type of the networks' numbers."""

    name: str
    dtype: torch.dtype

    @property
    def is_cuda(self) -> bool:
        """Whether it is a GPU of NVIDIA's (or one that torch drives as such)."""
        return self.name.startswith("cuda")


def choose_device(name: str, dtype: str, threads: int | None = None) -> Device:
    """Choose and set up the device.

    name: `auto` takes a GPU where there is one. dtype: `auto` is float32 on a CPU and, on a GPU, bfloat16 or, where
    the GPU has none, float16. threads: CPU threads of torch's operators; None leaves torch's choice. Raises ValueError.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda"):
        if not torch.cuda.is_available():
            raise ValueError(f"--device {name}: torch finds no GPU")
        # TF32 for what stays in float32: matrix products and convolutions several times faster, at 10 bits of mantissa.
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
    return Device(name, _dtype(dtype, name))


def _dtype(wanted: str, device: str) -> torch.dtype:
    if wanted != "auto":
        return DTYPES[wanted]
    if not device.startswith("cuda"):
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
