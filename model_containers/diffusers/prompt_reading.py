"""Gives a pipeline a prompt with weights to read: its pieces are tokenised one by one, its embeddings weighted.

The embedding of each token is multiplied by its weight, and then all by what brings their mean back to what it was,
as the Stable Diffusion web UIs do. A prompt in which everything weighs one is read by the pipeline as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from model_containers.diffusers.prompt_weights import Piece, parse
from model_containers.diffusers.shapes64.libraries import transformers

MEAN_IS_NONE = 1e-6
"""Embeddings whose mean is nearer to zero than this are not brought back to it."""


class WeightedTokenizer:
    """A tokenizer of transformers that reads prompts with weights; for one window of its text encoder."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, prompt: str | Sequence[str], **options: Any) -> Any:
        """As the tokenizer itself, with what diffusers' pipelines ask for."""
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        read = [parse(each) for each in prompts]
        if all(piece.weight == 1.0 for pieces in read for piece in pieces):
            texts = ["".join(piece.text for piece in pieces) for pieces in read]
            return self._tokenizer(texts[0] if isinstance(prompt, str) else texts, **options)
        window = int(self._tokenizer.model_max_length)
        rows = [self._row(pieces, window if options.get("truncation") else None) for pieces in read]
        width = window if options.get("padding") == "max_length" else max(len(ids) for ids in rows)
        filler = self._tokenizer.pad_token_id
        ids = torch.tensor([row + [filler] * (width - len(row)) for row in rows])
        seen = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        return transformers.BatchEncoding({"input_ids": ids, "attention_mask": seen})

    def weights(self, prompt: str) -> torch.Tensor:
        """The weight of each token of the window: (window,)."""
        window = int(self._tokenizer.model_max_length)
        weights = [1.0]
        for piece in parse(prompt):
            weights += [piece.weight] * len(self._ids(piece.text))
        weights = weights[: window - 1]
        return torch.tensor(weights + [1.0] * (window - len(weights)))

    def _row(self, pieces: Sequence[Piece], window: int | None) -> list[int]:
        """Ids with start and end; window: how many at most."""
        first, last = self._tokenizer("").input_ids[:2]
        ids = [each for piece in pieces for each in self._ids(piece.text)]
        return [first, *(ids if window is None else ids[: window - 2]), last]

    def _ids(self, text: str) -> list[int]:
        return list(
            self._tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
        )


def read_weights(pipeline: Any, prompt: str, negative_prompt: str) -> None:
    """Let a pipeline of Stable Diffusion 1, 2 or XL, which belongs to one run alone, read these prompts by weights."""
    names = [name for name in ("tokenizer", "tokenizer_2") if getattr(pipeline, name, None) is not None]
    readers = {name: WeightedTokenizer(getattr(pipeline, name)) for name in names}
    widths = [
        int(getattr(pipeline, name.replace("tokenizer", "text_encoder")).config.hidden_size) for name in names
    ]
    encode_prompt = pipeline.encode_prompt

    def encode(*arguments: Any, **options: Any) -> Any:
        found = list(encode_prompt(*arguments, **options))
        for place, text in enumerate((prompt, negative_prompt)):
            if found[place] is not None and any(piece.weight != 1.0 for piece in parse(text)):
                weights = [reader.weights(text) for reader in readers.values()]
                found[place] = _weighted(found[place], weights, widths)
        return tuple(found)

    # Around `DiffusionPipeline.__setattr__`, which would look for the classes of these in diffusers.
    vars(pipeline).update(readers, encode_prompt=encode)


def _weighted(
    embeddings: torch.Tensor, weights: Sequence[torch.Tensor], widths: Sequence[int]
) -> torch.Tensor:
    """Weigh embeddings (rows, tokens, sum of widths); the rows are all of one prompt."""
    parts = torch.split(embeddings[:1], list(widths), dim=-1)
    weighed = [
        _mean_kept(part, part * weight.to(part)[:, None]) for part, weight in zip(parts, weights, strict=True)
    ]
    return torch.cat(weighed, dim=-1).expand(embeddings.shape).contiguous()


def _mean_kept(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    wanted, found = before.float().mean(), after.float().mean()
    if abs(float(found)) < MEAN_IS_NONE:
        return after
    return after * (wanted / found).to(after.dtype)
