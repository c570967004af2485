"""The pipelines that begin with a picture, over the parts of a loaded one: image to image, and inpainting."""

from __future__ import annotations

import threading
from typing import Any

from model_containers.diffusers.shapes64.libraries import diffusers

_CLASSES = {
    "StableDiffusionPipeline": {
        "image": "StableDiffusionImg2ImgPipeline",
        "inpaint": "StableDiffusionInpaintPipeline",
    },
    "StableDiffusionXLPipeline": {
        "image": "StableDiffusionXLImg2ImgPipeline",
        "inpaint": "StableDiffusionXLInpaintPipeline",
    },
}


class Redrawing:
    """Made when they are asked for first: importing their classes takes time. May be used from any thread."""

    def __init__(self, pipeline: Any) -> None:
        """pipeline: of text to image; the others use its networks."""
        self._pipeline = pipeline
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}

    def pipeline(self, kind: str) -> Any:
        """The pipeline of a kind: `text`, `image`, `inpaint`. Raises KeyError where the checkpoint has none."""
        if kind == "text":
            return self._pipeline
        with self._lock:
            if kind not in self._made:
                self._made[kind] = self._make(_CLASSES[type(self._pipeline).__name__][kind])
            return self._made[kind]

    def _make(self, name: str) -> Any:
        parts = dict(self._pipeline.components)
        if "safety_checker" in parts:
            parts["requires_safety_checker"] = parts["safety_checker"] is not None
        made = getattr(diffusers, name)(**parts)
        made.set_progress_bar_config(disable=True)
        return made
