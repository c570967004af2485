"""A checkpoint in the layout of Stable Diffusion, small enough to be made anew for each test session.

Its weights are random, so its pictures show nothing; but they depend on the prompt, the seed and every setting.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from model_containers.diffusers.shapes64.libraries import diffusers, transformers
from tests.unit.diffusers_container.ldm_layout import ldm_state

WORDS = ("a", "red", "blue", "green", "circle", "square", "on", "the", "left", "of", "background", "no")
SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")
WINDOW = 12


def make_tokenizer() -> Any:
    """Make a tokenizer of whole words with a window of WINDOW tokens."""
    ids = {word: index for index, word in enumerate((*SPECIAL, *WORDS))}
    backend = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 1), ("<end>", 2)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=WINDOW,
        pad_token="<pad>",
        bos_token="<start>",
        eos_token="<end>",
        unk_token="<unk>",
    )


def make_pipeline() -> Any:
    """Make the pipeline: 64 x 64 pixels, latents of 4 x 8 x 8, about half a million parameters."""
    torch.manual_seed(0)
    text = transformers.CLIPTextConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=WINDOW,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(32, 64),
        layers_per_block=1,
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    vae = diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=64,
    )
    schedule = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    )
    return diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=transformers.CLIPTextModel(text),
        tokenizer=make_tokenizer(),
        unet=unet,
        scheduler=schedule,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write_folder(folder: Path) -> Path:
    """Write the checkpoint as a folder and return it."""
    make_pipeline().save_pretrained(folder, safe_serialization=True)
    return folder


def write_single_file(file: Path) -> Path:
    """Write the checkpoint as the one `.safetensors` file that Stable Diffusion's first tools read, and return it."""
    pipeline = make_pipeline()
    save_file(ldm_state(pipeline.unet, pipeline.vae, pipeline.text_encoder), file)
    return file
