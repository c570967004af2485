"""From prompts to codes: several runs at once, window after window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from model_containers.audiocraft.choosing import Chooser
from model_containers.audiocraft.decoder_rows import DecoderRows, MelodyPrompts, Prompts
from model_containers.audiocraft.delays import columns_of, frame_of, frames_done, table
from model_containers.audiocraft.loading import LoadedModel
from model_containers.audiocraft.melodies import chroma, no_melody
from model_containers.audiocraft.sound_settings import SoundSettings


class Watcher(Protocol):
    """What is told of one run's codes as they come."""

    @property
    def over(self) -> bool:
        """Whether nobody wants them any more."""
        ...

    def grown(self, codes: torch.Tensor, frames: int) -> None:
        """The first `frames` frames of these codes, (books, frames of the whole), are done."""
        ...

    def finished(self, codes: torch.Tensor) -> None:
        """All codes, (books, frames), are done."""
        ...


@dataclass
class Row:
    """A run among others. codes: (books, frames), what is not known yet is 0; known: how many frames are.

    melody: samples of a clip whose melody is followed.
    """

    settings: SoundSettings
    watcher: Watcher
    codes: torch.Tensor
    known: int
    chooser: Chooser
    melody: torch.Tensor | None = None

    @property
    def frames(self) -> int:
        """Frames of the whole sound."""
        return int(self.codes.shape[-1])

    @property
    def done(self) -> bool:
        """Whether all its codes are known."""
        return self.known >= self.frames


def new_row(
    settings: SoundSettings,
    watcher: Watcher,
    beginning: torch.Tensor,
    frames: int,
    melody: torch.Tensor | None = None,
) -> Row:
    """A row of `frames` frames whose first ones are those of `beginning`, (books, frames so far)."""
    codes = torch.zeros(beginning.shape[0], frames, dtype=torch.long)
    codes[:, : beginning.shape[1]] = beginning
    return Row(settings, watcher, codes, int(beginning.shape[1]), Chooser(settings), melody)


@torch.inference_mode()
def generate(model: LoadedModel, rows: Sequence[Row]) -> None:
    """Make the codes of all rows; they begin with equally many frames and have one stride (and, where the model
    follows melodies, equally many words). Watchers are told.

    A sound that is longer than the model's window is made window by window: each begins with the last frames of the
    one before, all but `extend_stride_s` of a window.
    """
    window = model.facts.window_frames
    stride = max(1, round(rows[0].settings.extend_stride_s * model.facts.frame_hz))
    kept = max(1, window - stride)
    left, start = list(rows), 0
    while left:
        # Only a beginning that fills the window moves it before anything is made.
        start = max(start, left[0].known - kept) if left[0].known - start >= window else start
        _fill_window(model, left, start, min(window, max(row.frames for row in left) - start))
        left = [row for row in left if not row.done and not row.watcher.over]
        start = left[0].known - kept if left else start


def _fill_window(model: LoadedModel, rows: Sequence[Row], start: int, longest: int) -> None:
    """Make the codes of frames `start` to `start + longest`, less in rows that end before. Rows that are over stop."""
    known, delays = rows[0].known - start, model.delays
    tables = [table(row.codes[:, start : row.known], longest, delays, model.padding) for row in rows]
    laid = torch.stack(tables)
    prompts = _prompts(model, rows, start)
    decoder = DecoderRows(model.network, prompts, [row.settings.cfg_coef for row in rows])
    live, fed = list(rows), 0
    for column in range(known + 1, columns_of(longest, delays)):
        logits = decoder.logits(laid[:, :, fed:column])
        fed = column
        for place, row in enumerate(live):
            laid[place, :, column] = _next_column(model, row, logits[place], column, (start, start + longest))
            _tell(row, start, frames_done(column, delays), longest)
        keep = [place for place, row in enumerate(live) if not row.done and not row.watcher.over]
        if not keep:
            return
        if len(keep) < len(live):
            chosen = torch.tensor(keep)
            prompts.select(chosen)
            decoder.select(chosen)
            laid, live = laid[chosen], [live[place] for place in keep]


def _prompts(model: LoadedModel, rows: Sequence[Row], start: int) -> Prompts | MelodyPrompts:
    """What the decoder is told of the rows' wishes in a window from frame `start` on."""
    texts = [row.settings.prompt for row in rows]
    if not model.facts.melody:
        return Prompts(model.network, model.tokenizer, texts)
    rate, frame_hz = model.facts.rate_hz, model.facts.frame_hz
    # A melody goes on with the windows, and begins anew where it ends.
    chromas = [
        no_melody() if row.melody is None else chroma(row.melody.roll(-start * rate // frame_hz), rate)
        for row in rows
    ]
    return MelodyPrompts(model.network, model.tokenizer, texts, chromas)


def _next_column(
    model: LoadedModel, row: Row, logits: torch.Tensor, column: int, window: tuple[int, int]
) -> torch.Tensor:
    """Choose the codes of a column, keep those that are known, and write the new ones into the row."""
    start, end = window
    chosen = row.chooser.choose(logits)
    for book, delay in enumerate(model.delays):
        frame = start + frame_of(column, delay)
        if frame < start or frame >= min(end, row.frames):
            chosen[book] = model.padding
        elif frame < row.known:
            chosen[book] = row.codes[book, frame]
        else:
            row.codes[book, frame] = chosen[book]
    return chosen


def _tell(row: Row, start: int, frames: int, longest: int) -> None:
    """Note how many frames are whole, and tell the watcher."""
    now = min(row.frames, start + min(frames, longest))
    if now <= row.known:
        return
    # A frame counts as known only when all its codes are: those before are kept as they were.
    row.known = now
    if row.watcher.over:
        return
    if row.done:
        row.watcher.finished(row.codes)
    else:
        row.watcher.grown(row.codes, now)
