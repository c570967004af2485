"""Tensors of pixels as images."""

from __future__ import annotations

import torch
from PIL import Image


def rgb_image(pixels: torch.Tensor) -> Image.Image:
    """Pixels (3, height, width) from 0 to 1 as an RGB image; outside values are clamped, NaN becomes black."""
    levels = (pixels.detach().to("cpu", torch.float32).nan_to_num(0.0).clamp(0.0, 1.0) * 255).round()
    return Image.fromarray(levels.to(torch.uint8).permute(1, 2, 0).contiguous().numpy(), "RGB")
