"""The networks that learn: a T5 encoder and a decoder of delayed codebooks, as AudioGen has them, small."""

from __future__ import annotations

from model_containers.audiocraft.libraries import Network, transformers
from model_containers.audiocraft.sounds16k.scores import CODEBOOKS, ENTRIES

WINDOW_FRAMES = 100
"""4 s: what the decoder sees at once in training."""

TEXT_WIDTH = 64
TEXT_LENGTH = 16
WIDTH = 128
INITIAL_SPREAD = 0.1
"""Of the decoder's weights. At the usual 0.02, which is meant for wider ones, an entry is hardly heard beside the
position that is added to it: then 1,700 steps teach what 400 do with this."""


def make_model(codec: Network, words: int, pad: int) -> Network:
    """Make the whole model around a codec. words: size of the tokenizer's vocabulary, pad: its padding's id."""
    text = transformers.T5EncoderModel(
        transformers.T5Config(
            vocab_size=words,
            d_model=TEXT_WIDTH,
            d_kv=16,
            d_ff=128,
            num_layers=2,
            num_heads=4,
            relative_attention_num_buckets=8,
            relative_attention_max_distance=16,
            dropout_rate=0.0,
            pad_token_id=pad,
            eos_token_id=1,
            decoder_start_token_id=pad,
        )
    )
    decoder = transformers.MusicgenForCausalLM(
        transformers.MusicgenDecoderConfig(
            vocab_size=ENTRIES,
            max_position_embeddings=WINDOW_FRAMES + CODEBOOKS + 1,
            num_hidden_layers=3,
            ffn_dim=3 * WIDTH,
            num_attention_heads=4,
            hidden_size=WIDTH,
            dropout=0.0,
            num_codebooks=CODEBOOKS,
            pad_token_id=ENTRIES,
            bos_token_id=ENTRIES,
            initializer_factor=INITIAL_SPREAD,
        )
    )
    model = transformers.MusicgenForConditionalGeneration(
        text_encoder=text, audio_encoder=codec, decoder=decoder
    )
    # Parts that are made by themselves have no attention set, and then transformers masks nothing: in training the
    # decoder would see the codes that it is to foretell. Of the two that mask, this one trains faster on a CPU.
    model.set_attn_implementation({"decoder": "eager", "text_encoder": "eager", "audio_encoder": "eager"})
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = ENTRIES
    return model
