"""The training: the decoder, and with it the text encoder, learns which codes follow under which prompt."""

from __future__ import annotations

import torch
from torch.nn import functional

from model_containers.audiocraft.libraries import Network, Tokenizer
from model_containers.audiocraft.sounds16k.lessons import Lessons, delayed
from model_containers.audiocraft.sounds16k.networks import make_model
from model_containers.audiocraft.sounds16k.scores import ENTRIES
from model_containers.audiocraft.sounds16k.words import make_tokenizer
from model_containers.training.stage import Plan, Stage

UNPROMPTED_SHARE = 0.1
"""Clips whose prompt is withheld, which guidance needs."""


def train_decoder(plan: Plan, codec: Network) -> tuple[Network, Tokenizer]:
    """Train the model around a codec by the plan, or take up where its state left off."""
    torch.manual_seed(plan.seed)
    tokenizer = make_tokenizer()
    model = make_model(codec, len(tokenizer), tokenizer.pad_token_id).to(plan.device)
    trained = {"text": model.text_encoder, "bridge": model.enc_to_dec_proj, "decoder": model.decoder}
    for network in trained.values():
        network.train()
    stage = Stage(plan, trained, list(trained))
    chance = torch.Generator().manual_seed(plan.seed + stage.step)
    lessons = Lessons(plan.seed + stage.step)
    while stage.progress < 1.0:
        prompts, codes = lessons.draw(plan.batch)
        told = torch.rand(len(prompts), generator=chance) >= UNPROMPTED_SHARE
        with torch.autocast(plan.device, torch.bfloat16):
            loss = decoder_loss(model, tokenizer, prompts, codes, told)
        stage.take_step(loss)
    stage.save()
    return model.eval().requires_grad_(False), tokenizer


def decoder_loss(
    model: Network, tokenizer: Tokenizer, prompts: list[str], codes: torch.Tensor, told: torch.Tensor
) -> torch.Tensor:
    """Mean cross-entropy of the codes, in nats. told: for each clip whether the decoder is given its prompt."""
    device = model.device
    words = tokenizer(prompts, padding=True, return_tensors="pt").to(device)
    mask = words.attention_mask * told.to(device)[:, None]
    text = model.text_encoder(
        input_ids=words.input_ids, attention_mask=words.attention_mask
    ).last_hidden_state
    wanted = delayed(codes).to(device)
    given = functional.pad(wanted, (1, 0), value=ENTRIES)[..., :-1]
    logits = model.decoder(
        input_ids=given.flatten(0, 1),
        encoder_hidden_states=model.enc_to_dec_proj(text) * mask[..., None],
        encoder_attention_mask=mask,
    ).logits
    return functional.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), ignore_index=ENTRIES)
