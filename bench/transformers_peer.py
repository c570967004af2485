"""Stock transformers, as one would use it in a script: one sound after the other, each written as a WAV file."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class StockMusicgen:
    """A checkpoint in transformers' own loop, `generate`."""

    def __init__(self, folder: Path, threads: int | None) -> None:
        import torch
        import transformers

        if threads is not None:
            torch.set_num_threads(threads)
        self._torch = torch
        library: Any = transformers
        self._model = library.MusicgenForConditionalGeneration.from_pretrained(folder, local_files_only=True)
        # Weights lie there in half precision; both sides count in single.
        self._model = self._model.float().eval()
        self._tokenizer = library.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        codec = self._model.config.audio_encoder
        self.rate_hz: int = codec.sampling_rate
        self._frame_hz: int = codec.frame_rate
        self._books: int = self._model.config.decoder.num_codebooks

    def wav(self, asked: Mapping[str, Any]) -> bytes:
        """Make one sound from the input of a run of evoke's container."""
        self._torch.manual_seed(asked["seed"])
        words = self._tokenizer([asked["prompt"]], return_tensors="pt")
        frames = round(asked["duration_s"] * self._frame_hz)
        made = self._model.generate(
            **words,
            do_sample=True,
            temperature=asked["temperature"],
            top_k=asked["top_k"],
            guidance_scale=asked["cfg_coef"],
            max_new_tokens=frames + self._books - 1,
        )
        return self._written(made[0, 0].clamp(-1, 1).mul(32767).short().numpy().tobytes())

    def _written(self, samples: bytes) -> bytes:
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate_hz)
            file.writeframes(samples)
        return buffer.getvalue()
