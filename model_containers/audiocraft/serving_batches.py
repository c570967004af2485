"""Serves the runs of one batch: checks what each brings, generates together, and ends each by itself."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

from model_containers.audiocraft.beginnings import beginning_of
from model_containers.audiocraft.generation import Row, generate, new_row
from model_containers.audiocraft.loading import LoadedModel
from model_containers.audiocraft.melodies import melody_of
from model_containers.audiocraft.reporting import Reporter
from model_containers.audiocraft.sound_settings import SoundSettings
from model_containers.sdk import BatchRun, InvalidInput, Result


def serve(
    model: LoadedModel,
    model_id: str,
    settings: Sequence[SoundSettings],
    runs: Sequence[BatchRun],
    timings_ms: Mapping[str, float],
) -> list[Result | Exception | None]:
    """Make the sounds of these runs. timings_ms: what was measured before. Returns the end of each run."""
    started = time.perf_counter()
    ends: list[Result | Exception | None] = [None] * len(runs)
    alike: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for place, (asked, run) in enumerate(zip(settings, runs, strict=True)):
        reporter = Reporter(run, asked, model, model_id)
        try:
            beginning = beginning_of(model, asked, run.files)
            melody = melody_of(asked, model.facts, run.files)
        except InvalidInput as error:
            ends[place] = error
            continue
        _remark(model, asked, run)
        frames = math.ceil(asked.duration_s * model.facts.frame_hz)
        # Rows go together only while they begin with equally many frames, and after as much that goes before them.
        words = len(model.tokenizer(asked.prompt, truncation=True).input_ids) if model.facts.melody else 0
        alike[beginning.shape[1], words].append(new_row(asked, reporter, beginning, frames, melody))
        ends[place] = Result(seed=asked.seed, result={"duration_s": asked.duration_s})
    for rows in alike.values():
        generate(model, rows)
    took = {**timings_ms, "generate": (time.perf_counter() - started) * 1e3}
    return [
        Result(seed=end.seed, timings_ms=took, result=end.result) if isinstance(end, Result) else end
        for end in ends
    ]


def _remark(model: LoadedModel, asked: SoundSettings, run: BatchRun) -> None:
    """Say which words of the prompt the model does not know; only tokenizers of whole words have such."""
    tokenizer = model.tokenizer
    if tokenizer.unk_token_id is None or not tokenizer.is_fast:
        return
    read = tokenizer(asked.prompt, return_offsets_mapping=True, truncation=False, verbose=False)
    pairs = zip(read.input_ids, read.offset_mapping, strict=True)
    unknown = [asked.prompt[start:end] for token, (start, end) in pairs if token == tokenizer.unk_token_id]
    if unknown:
        run.log(
            f"Words of the prompt that the model does not know: {', '.join(dict.fromkeys(unknown))[:200]}"
        )
