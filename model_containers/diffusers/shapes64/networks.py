"""The networks of shapes-64, in the classes that diffusers and transformers load, and its noise schedule."""

from model_containers.diffusers.shapes64.libraries import Network, Schedule, diffusers, transformers

LATENT_CHANNELS = 4
LATENT_SIZE = 16
TEXT_WIDTH = 128
TEXT_LENGTH = 32
"""Tokens of a prompt, its start and end tokens among them."""


def make_vae() -> Network:
    """Make the autoencoder: 64x64 RGB to latents of shape (4, 16, 16) and back.

    It has no attention: what a latent means depends on the pixels around it alone, so it can be taught on crops.
    """
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 32, 48),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=64,
        mid_block_add_attention=False,
    )


def make_text_encoder(vocabulary_size: int, start: int, end: int, pad: int) -> Network:
    """Make the text encoder, given how many words it knows and the ids of its special tokens."""
    return transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            vocab_size=vocabulary_size,
            hidden_size=TEXT_WIDTH,
            intermediate_size=2 * TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=TEXT_LENGTH,
            hidden_act="gelu",
            projection_dim=TEXT_WIDTH,
            bos_token_id=start,
            eos_token_id=end,
            pad_token_id=pad,
        )
    )


def make_unet() -> Network:
    """Make the denoiser. It reads the prompt at 8x8, where a figure spans a few cells, to bind colours to shapes.

    What the prompt says as a whole (the background, which shapes there are) also reaches every layer with the time, so
    that the outer level needs no attention, which is what costs most there.
    """
    return diffusers.UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(48, 96),
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def make_schedule() -> Schedule:
    """Make the noise schedule and the sampler that the checkpoint names.

    Velocity prediction down to a signal-to-noise ratio of 4e-5: the sampler starts from noise that holds no
    trace of a mean colour, so backgrounds come out as asked. Not exactly zero, by which several samplers
    would divide.
    """
    return diffusers.DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=1e-4,
        beta_end=0.02,
        beta_schedule="linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )
