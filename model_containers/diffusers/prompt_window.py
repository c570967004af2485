"""What a text encoder does not read of a prompt: what lies beyond its window, and words it does not know."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

MAX_SHOWN = 200


def remarks(pipeline: Any, prompt: str, field: str) -> Iterator[str]:
    """Lines for the user about a prompt; none where everything is read.

    Of several text encoders the one with the largest window counts: what it reads has its effect on the picture.
    """
    windows = [(_window(pipeline, name, tokenizer), tokenizer) for name, tokenizer in _tokenizers(pipeline)]
    if not windows or not prompt:
        return
    window, tokenizer = max(windows, key=lambda pair: pair[0])
    cut = _beyond(tokenizer, prompt, window)
    if cut:
        yield f"The {field} is longer than the {window} tokens that the model reads. Not read: {_shown(cut)}"
    if unknown := _unknown(tokenizer, prompt):
        yield f"Words of the {field} that the model does not know: {_shown(', '.join(unknown))}"


def _tokenizers(pipeline: Any) -> Iterator[tuple[str, Any]]:
    for name in ("tokenizer", "tokenizer_2", "tokenizer_3"):
        tokenizer = getattr(pipeline, name, None)
        if tokenizer is not None:
            yield name, tokenizer


def _window(pipeline: Any, name: str, tokenizer: Any) -> int:
    """Tokens that are read, start and end among them. T5 reads what the pipeline's `max_sequence_length` says."""
    if "T5" in type(tokenizer).__name__:
        argument = inspect.signature(pipeline.__call__).parameters.get("max_sequence_length")
        if argument is not None:
            return int(argument.default)
    return int(tokenizer.model_max_length)


def _beyond(tokenizer: Any, prompt: str, window: int) -> str:
    ids = tokenizer(prompt, truncation=False, verbose=False).input_ids
    if len(ids) <= window:
        return ""
    # The end token keeps its place in the window, so one token less of the prompt fits.
    return str(tokenizer.decode(ids[window - 1 :], skip_special_tokens=True)).strip()


def _unknown(tokenizer: Any, prompt: str) -> list[str]:
    """Words that became the unknown token, each once. Tokenizers of bytes or of word parts have none."""
    if not tokenizer.is_fast or tokenizer.unk_token_id in (
        None,
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
    ):
        return []
    tokens = tokenizer(prompt, truncation=False, return_offsets_mapping=True, verbose=False)
    pairs = zip(tokens.input_ids, tokens.offset_mapping, strict=True)
    found = (prompt[start:end].strip() for token, (start, end) in pairs if token == tokenizer.unk_token_id)
    return list(dict.fromkeys(word for word in found if word))


def _shown(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} ..."
