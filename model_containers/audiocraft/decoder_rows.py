"""The decoder at work on several runs: one pass per column, with and without the prompt, and a memory of what was."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from model_containers.audiocraft.libraries import DynamicCache, EncoderDecoderCache, Network, Tokenizer
from model_containers.audiocraft.melodies import no_melody


class Prompts:
    """What the decoder is told of each row's prompt: hidden states (rows, words, width) and their mask."""

    def __init__(self, model: Network, tokenizer: Tokenizer, prompts: Sequence[str]) -> None:
        words = tokenizer(list(prompts), padding=True, truncation=True, return_tensors="pt").to(model.device)
        text = model.text_encoder(
            input_ids=words.input_ids, attention_mask=words.attention_mask
        ).last_hidden_state
        if hasattr(model, "enc_to_dec_proj"):
            text = model.enc_to_dec_proj(text)
        self.mask: torch.Tensor = words.attention_mask
        self.states: torch.Tensor = text * self.mask[..., None]

    def arguments(self, guided: bool) -> dict[str, torch.Tensor]:
        """What the decoder is given; guided: for all rows, and once more for all without their prompts."""
        states, mask = self.states, self.mask
        if guided:
            states = torch.cat([states, torch.zeros_like(states)])
            mask = torch.cat([mask, torch.zeros_like(mask)])
        return {"encoder_hidden_states": states, "encoder_attention_mask": mask}

    def select(self, rows: torch.Tensor) -> None:
        """Keep these rows."""
        self.mask, self.states = self.mask[rows], self.states[rows]


class MelodyPrompts:
    """What a decoder that follows melodies is told: chroma and then words, which go before the first column.

    They are of one length for all rows: prompts with equally many words, and chroma repeated to what the model wants.
    """

    def __init__(
        self, model: Network, tokenizer: Tokenizer, prompts: Sequence[str], chromas: Sequence[torch.Tensor]
    ) -> None:
        """chromas: of each row (moments, classes), `no_melody()` for none."""
        words = Prompts(model, tokenizer, prompts).states
        told = torch.stack([self._projected(model, each) for each in chromas])
        untold = self._projected(model, no_melody()).expand_as(told)
        self._told = torch.cat([told, words], dim=1)
        self._untold = torch.cat([untold, torch.zeros_like(words)], dim=1)
        self._given = False

    def arguments(self, guided: bool) -> dict[str, torch.Tensor]:
        """What the decoder is given: all at its first pass, which it remembers."""
        if self._given:
            return {}
        self._given = True
        return {"encoder_hidden_states": torch.cat([self._told, self._untold]) if guided else self._told}

    def select(self, rows: torch.Tensor) -> None:
        """Nothing: what was given is in the decoder's memory."""

    @staticmethod
    def _projected(model: Network, chroma: torch.Tensor) -> torch.Tensor:
        length = model.config.chroma_length
        repeated = chroma.repeat(math.ceil(length / len(chroma)), 1)[:length]
        projection = getattr(model, "audio_enc_to_dec_proj", None)
        if projection is None:
            return repeated.to(model.device)
        projected: torch.Tensor = projection(repeated.to(projection.weight))
        return projected


class DecoderRows:
    """The decoder within one window. Rows can be left out, none added."""

    def __init__(self, model: Network, prompts: Prompts | MelodyPrompts, guidance: Sequence[float]) -> None:
        """guidance: of each row; where all are 1, the passes without the prompt are saved."""
        self._decoder = model.decoder
        self._prompts = prompts
        self._guidance = torch.tensor(list(guidance), device=model.device)[:, None, None]
        self._guided = any(each != 1 for each in guidance)
        config = model.decoder.config
        self._cache = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))

    def logits(self, columns: torch.Tensor) -> torch.Tensor:
        """Go on by these columns, (rows, books, columns), and return the logits of the next: (rows, books, codes)."""
        rows, books, _ = columns.shape
        if self._guided:
            columns = torch.cat([columns, columns])
        made = self._decoder(
            input_ids=columns.flatten(0, 1).to(self._guidance.device),
            **self._prompts.arguments(self._guided),
            past_key_values=self._cache,
            use_cache=True,
        ).logits
        last = made[:, -1].float().unflatten(0, (-1, books))
        if self._guided:
            told, untold = last[:rows], last[rows:]
            # With guidance 1 the sum would be the same but for its last bits, and a run is to be what it is alone.
            last = torch.where(self._guidance == 1, told, untold + self._guidance * (told - untold))
        chosen: torch.Tensor = last.cpu()
        return chosen

    def select(self, rows: torch.Tensor) -> None:
        """Keep these rows."""
        count = len(self._guidance)
        both = torch.cat([rows, rows + count]) if self._guided else rows
        self._cache.batch_select_indices(both)
        self._guidance = self._guidance[rows]
