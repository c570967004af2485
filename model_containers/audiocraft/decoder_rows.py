"""The decoder at work on several runs: one pass per column, with and without the prompt, and a memory of what was."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from model_containers.audiocraft.libraries import DynamicCache, EncoderDecoderCache, Network, Tokenizer


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

    def select(self, rows: torch.Tensor) -> None:
        """Keep these rows."""
        self.mask, self.states = self.mask[rows], self.states[rows]


class DecoderRows:
    """The decoder within one window. Rows can be left out, none added."""

    def __init__(self, model: Network, prompts: Prompts, guidance: Sequence[float]) -> None:
        """guidance: of each row; where all are 1, the passes without the prompt are saved."""
        self._decoder = model.decoder
        self._prompts = prompts
        self._guidance = torch.tensor(list(guidance), device=model.device)[:, None, None]
        self._guided = any(each != 1 for each in guidance)
        config = model.decoder.config
        self._cache = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))

    def logits(self, columns: torch.Tensor) -> torch.Tensor:
        """Go on by these columns, (rows, books, columns), and return the logits of the next: (rows, books, codes)."""
        states, mask = self._prompts.states, self._prompts.mask
        rows, books, _ = columns.shape
        if self._guided:
            columns = torch.cat([columns, columns])
            states, mask = (
                torch.cat([states, torch.zeros_like(states)]),
                torch.cat([mask, torch.zeros_like(mask)]),
            )
        made = self._decoder(
            input_ids=columns.flatten(0, 1).to(states.device),
            encoder_hidden_states=states,
            encoder_attention_mask=mask,
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
