"""The GPUs of this process as NVIDIA's driver tells of them: how busy they are, how much memory is taken.

It is asked through NVML's C API (https://docs.nvidia.com/deploy/nvml-api/), whose library comes with the driver:
nothing is installed for it, and where there is no driver nothing is told.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
_SUCCESS = 0


@dataclass(frozen=True)
class Reading:
    """GPUs at a moment. utilisation: mean share of the driver's last period (up to 1 s) in which they computed, 0 to 1.

    used_bytes: memory that is taken on them together, by whomever.
    """

    utilisation: float
    used_bytes: int


class _Utilisation(ctypes.Structure):
    """`nvmlUtilization_t`: percent."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    """`nvmlMemory_t`: bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class Gpus:
    """Some GPUs. May be asked from any thread."""

    def __init__(self, library: Any, devices: Sequence[ctypes.c_void_p]) -> None:
        """library: NVML, initialised; devices: its handles."""
        self._library = library
        self._devices = devices

    @staticmethod
    def found(visible: str | None = None, library: str = LIBRARY) -> Gpus | None:
        """The GPUs of this machine, or None where there is none or the driver has no answer.

        visible: those to look at, as in CUDA_VISIBLE_DEVICES: numbers or UUIDs, separated by commas; None: all.
        """
        try:
            nvml = ctypes.CDLL(library)
            if nvml.nvmlInit_v2() != _SUCCESS:
                return None
            devices = [device for device in _handles(nvml, visible) if device is not None]
        except (OSError, AttributeError):
            # No such library, or an older one than the driver has had since 2011.
            return None
        return Gpus(nvml, devices) if devices else None

    def read(self) -> Reading | None:
        """Ask the driver; None when it can't tell, as of a slice of a GPU (MIG)."""
        shares, used = [], 0
        for device in self._devices:
            busy, memory = _Utilisation(), _Memory()
            if self._library.nvmlDeviceGetUtilizationRates(device, ctypes.byref(busy)) != _SUCCESS:
                return None
            if self._library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) != _SUCCESS:
                return None
            shares.append(busy.gpu / 100)
            used += memory.used
        return Reading(sum(shares) / len(shares), used)


def visible_devices() -> str | None:
    """What CUDA lets this process see: CUDA_VISIBLE_DEVICES."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def _handles(nvml: Any, visible: str | None) -> list[ctypes.c_void_p | None]:
    if visible is None:
        number = ctypes.c_uint()
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(number)) != _SUCCESS:
            return []
        return [_handle(nvml, str(index)) for index in range(number.value)]
    return [_handle(nvml, name.strip()) for name in visible.split(",")]


def _handle(nvml: Any, name: str) -> ctypes.c_void_p | None:
    """The handle of a GPU by its number or UUID; None when there is no such GPU."""
    device = ctypes.c_void_p()
    if name.isdecimal():
        answer = nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(int(name)), ctypes.byref(device))
    else:
        answer = nvml.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(device))
    return device if answer == _SUCCESS else None
