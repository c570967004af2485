"""Tiny checkpoints of the families after Stable Diffusion 1: each has other parts, latents and samplers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from model_containers.diffusers.shapes64.libraries import diffusers, transformers
from tests.unit.diffusers_container.tiny_checkpoint import WINDOW, make_tokenizer


def _clip(kind: Any) -> Any:
    return kind(
        transformers.CLIPTextConfig(
            vocab_size=16,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=WINDOW,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
            projection_dim=32,
        )
    )


def _t5(width: int) -> Any:
    return transformers.T5EncoderModel(
        transformers.T5Config(vocab_size=16, d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=4)
    )


def _vae(**options: Any) -> Any:
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=64,
        **options,
    )


def make_sdxl() -> Any:
    """Stable Diffusion XL: two text encoders, the size of the picture as a condition."""
    torch.manual_seed(0)
    unet = diffusers.UNet2DConditionModel(
        sample_size=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(32, 64),
        layers_per_block=1,
        cross_attention_dim=64,
        attention_head_dim=(2, 4),
        norm_num_groups=8,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=80,
    )
    return diffusers.StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=_clip(transformers.CLIPTextModel),
        text_encoder_2=_clip(transformers.CLIPTextModelWithProjection),
        tokenizer=make_tokenizer(),
        tokenizer_2=make_tokenizer(),
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
        ),
    )


def make_sd3() -> Any:
    """Stable Diffusion 3: flow matching, three text encoders, a transformer."""
    torch.manual_seed(0)
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=8,
        patch_size=1,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=64,
        caption_projection_dim=32,
        pooled_projection_dim=64,
    )
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=_clip(transformers.CLIPTextModelWithProjection),
        tokenizer=make_tokenizer(),
        text_encoder_2=_clip(transformers.CLIPTextModelWithProjection),
        tokenizer_2=make_tokenizer(),
        text_encoder_3=_t5(64),
        tokenizer_3=make_tokenizer(),
        image_encoder=None,
        feature_extractor=None,
    )


def make_flux() -> Any:
    """Flux: flow matching with a shift that depends on the size, latents packed into a sequence."""
    torch.manual_seed(0)
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    )
    return diffusers.FluxPipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=_vae(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=_clip(transformers.CLIPTextModel),
        tokenizer=make_tokenizer(),
        text_encoder_2=_t5(32),
        tokenizer_2=make_tokenizer(),
    )


FAMILIES: Mapping[str, Callable[[], Any]] = {"sdxl": make_sdxl, "sd3": make_sd3, "flux": make_flux}
