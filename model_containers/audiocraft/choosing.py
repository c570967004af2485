"""How the next codes are chosen from the decoder's logits: each row by its own settings and its own chance."""

from __future__ import annotations

import torch

from model_containers.audiocraft.sound_settings import SoundSettings


class Chooser:
    """Chooses the codes of one run. Nothing but its seed and the logits decides, whoever else is in the batch."""

    def __init__(self, settings: SoundSettings) -> None:
        self._settings = settings
        self._chance = torch.Generator().manual_seed(settings.seed)

    def choose(self, logits: torch.Tensor) -> torch.Tensor:
        """Choose a code for each codebook; logits: (books, codes), float32 on the CPU.

        A draw by the probabilities is the largest of the logits after Gumbel noise is added: Gumbel, 1954.
        """
        settings = self._settings
        if settings.temperature == 0:
            return logits.argmax(-1)
        kept = kept_logits(logits / settings.temperature, settings.top_k, settings.top_p)
        chance = torch.rand(logits.shape, generator=self._chance).clamp_(1e-20, 1 - 1e-7)
        return (kept - (-chance.log()).log()).argmax(-1)


def kept_logits(logits: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Rule out all but the likeliest: those that make up the share `top_p` if it is not 0, else the `top_k` first."""
    if top_p > 0:
        ordered, places = logits.sort(-1, descending=True)
        shares = ordered.softmax(-1)
        out = shares.cumsum(-1) - shares > top_p
        return logits.masked_fill(torch.zeros_like(out).scatter(-1, places, out), -torch.inf)
    if 0 < top_k < logits.shape[-1]:
        least = logits.topk(top_k, -1).values[..., -1:]
        return logits.masked_fill(logits < least, -torch.inf)
    return logits
