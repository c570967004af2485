"""Makes small checkpoints with the package `audiocraft` itself, and what it makes of them.

`python -m tests.unit.audiocraft_container.made_by_audiocraft FOLDER` wrote what lies in `own_checkpoints/`. It needs
audiocraft 1.3.0 (beside a current torch: `pip install --no-deps audiocraft==1.3.0`, and what its imports ask for),
which no test does. Weights are random, and exported as audiocraft's releases are: language models in half precision.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

from model_containers.audiocraft.sounds16k.words import make_tokenizer
from tests.unit.audiocraft_container.tiny_checkpoint import ENTRIES, RATE_HZ, WINDOW_S, make_text_encoder

PROMPTS = ("a siren", "a fast low drum")
FRAMES, WIDTH, BOOKS = 24, 16, 4

CODEC = f"""
sample_rate: {RATE_HZ}
channels: 1
compression_model: encodec
device: cpu
encodec: {{autoencoder: seanet, quantizer: rvq, sample_rate: '${{sample_rate}}', channels: '${{channels}}',
  causal: false, renormalize: false}}
seanet: {{dimension: {WIDTH}, channels: '${{channels}}', causal: '${{encodec.causal}}', n_filters: 2,
  n_residual_layers: 1, ratios: [8, 5, 4, 2], activation: ELU, activation_params: {{alpha: 1.0}}, norm: weight_norm,
  norm_params: {{}}, kernel_size: 7, last_kernel_size: 7, residual_kernel_size: 3, dilation_base: 2,
  pad_mode: constant, true_skip: true, compress: 2, lstm: 2, disable_norm_outer_blocks: 0, encoder: {{}},
  decoder: {{trim_right_ratio: 1.0, final_activation: null, final_activation_params: null}}}}
rvq: {{n_q: {BOOKS}, bins: {ENTRIES}, q_dropout: false, decay: 0.99, kmeans_init: true, kmeans_iters: 50,
  threshold_ema_dead_code: 2, orthogonal_reg_weight: 0.0, orthogonal_reg_active_codes_only: false}}
"""
FUSER = (
    "fuser: {{cross_attention_pos_emb: false, sum: [], prepend: [{}], cross: [{}], input_interpolate: []}}"
)
WAV = """
  self_wav: {model: chroma_stem, chroma_stem: {sample_rate: '${sample_rate}', n_chroma: 12, radix2_exp: 14,
    argmax: true, match_len_on_eval: true, eval_wavs: null, n_eval_wavs: 100, cache_path: null}}"""


def language_model_config(books: int, delays: list[int], stereo: bool, melody: bool) -> str:
    """As audiocraft's solvers write it, less what only training reads."""
    return f"""
sample_rate: {RATE_HZ}
channels: {2 if stereo else 1}
device: cpu
dtype: float16
lm_model: transformer_lm
dataset: {{segment_duration: {WINDOW_S}}}
interleave_stereo_codebooks: {{use: {str(stereo).lower()}, per_timestep: false}}
transformer_lm: {{n_q: {books}, card: {
        ENTRIES
    }, dim: 32, num_heads: 2, num_layers: 2, hidden_scale: 4, dropout: 0.0,
  emb_lr: null, activation: gelu, norm_first: true, bias_ff: false, bias_attn: false, bias_proj: false,
  past_context: null, causal: true, custom: false, memory_efficient: true, attention_as_float32: false,
  layer_scale: null, positional_embedding: sin, xpos: false, checkpointing: none, weight_init: gaussian,
  depthwise_init: current, zero_bias_init: true, norm: layer_norm, cross_attention: false, qk_layer_norm: false,
  qk_layer_norm_cross: false, attention_dropout: null, kv_repeat: 1, two_step_cfg: false}}
codebooks_pattern: {{modeling: delay, delay: {{delays: {delays}, flatten_first: 0, empty_initial: 0}}}}
attribute_dropout: {{text: {{}}, wav: {{}}}}
classifier_free_guidance: {{training_dropout: 0.1, inference_coef: 3.0}}
{FUSER.format("self_wav, description" if melody else "", "" if melody else "description")}
conditioners:
  args: {{merge_text_conditions_p: 0.25, drop_desc_p: 0.5}}
  description: {{model: t5, t5: {{name: t5-small, finetune: false, word_dropout: 0.3, normalize_text: false}}}}{
        WAV if melody else ""
    }
"""


def main(folder: Path) -> None:
    """Write the checkpoints and what audiocraft makes of them."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    make_text_encoder().save_pretrained("t5-small")
    make_tokenizer().save_pretrained("t5-small")
    _adapt()
    codec = _write_codec(Path("sounds"))
    expected: dict[str, torch.Tensor] = {}
    clip = torch.randn(1, 1, RATE_HZ // 2) * 0.3
    expected["clip"] = clip[0, 0]
    expected["clip.codes"] = codec.encode(clip)[0][0]
    for name, books, delays, stereo, melody in (
        ("sounds", 4, [0, 1, 2, 3], False, False),
        ("stereo", 8, [0, 0, 1, 1, 2, 2, 3, 3], True, False),
        ("melody", 4, [0, 1, 2, 3], False, True),
    ):
        _write_codec_beside(Path("sounds"), Path(name))
        _write_language_model(Path(name), language_model_config(books, delays, stereo, melody))
        expected |= {
            f"{name}.{key}": value for key, value in _made(Path(name), clip if melody else None).items()
        }
    save_file({name: value.contiguous() for name, value in expected.items()}, "expected.safetensors")


def _adapt() -> None:
    """Small prompts' encoder, any tokenizer, and clips whose voices are not separated (by a network from the web)."""
    from audiocraft.modules import conditioners

    conditioners.T5Conditioner.MODELS_DIMS["t5-small"] = make_text_encoder().config.d_model
    conditioners.T5Tokenizer = transformers.AutoTokenizer
    conditioners.ChromaStemConditioner.__init__ = _chroma_without_stems
    conditioners.ChromaStemConditioner._get_stemmed_wav = lambda self, wav, sample_rate: wav


def _chroma_without_stems(
    self: Any, output_dim: int, duration: float, n_chroma: int, **settings: Any
) -> None:
    """ChromaStemConditioner's own, less Demucs."""
    from audiocraft.modules import conditioners
    from audiocraft.modules.chroma import ChromaExtractor

    conditioners.WaveformConditioner.__init__(self, dim=n_chroma, output_dim=output_dim, device="cpu")
    self.autocast = conditioners.TorchAutocast(enabled=False)
    self.sample_rate, self.match_len_on_eval = settings["sample_rate"], settings["match_len_on_eval"]
    self.duration = duration
    self.__dict__["demucs"] = None
    wanted = {name: settings[name] for name in ("sample_rate", "radix2_exp", "argmax")}
    self.chroma = ChromaExtractor(n_chroma=n_chroma, **wanted)
    self.chroma_len = self._get_chroma_len()
    self.eval_wavs, self.cache, self._use_masking = None, None, not self.match_len_on_eval


def _write_codec(folder: Path) -> Any:
    from audiocraft.models import builders
    from omegaconf import OmegaConf

    folder.mkdir(exist_ok=True)
    config = OmegaConf.create(CODEC)
    codec = builders.get_compression_model(config).eval()
    for layer in codec.quantizer.vq.layers:
        layer._codebook.embed.normal_()
        layer._codebook.inited.fill_(1)
    torch.save(_exported(codec.state_dict(), config), folder / "compression_state_dict.bin")
    return codec


def _write_codec_beside(source: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    if folder != source:
        (folder / "compression_state_dict.bin").write_bytes(
            (source / "compression_state_dict.bin").read_bytes()
        )


def _write_language_model(folder: Path, text: str) -> None:
    from audiocraft.models import builders
    from omegaconf import OmegaConf

    config = OmegaConf.create(text)
    model = builders.get_lm_model(OmegaConf.merge(config, {"dtype": "float32"}))
    for name, weight in model.named_parameters():
        if "norm" not in name:
            torch.nn.init.normal_(weight, std=1 / math.sqrt(weight.shape[-1]) if weight.ndim > 1 else 0.1)
    half = {name: weight.half() for name, weight in model.state_dict().items()}
    torch.save(_exported(half, config), folder / "state_dict.bin")


def _exported(state: Any, config: Any) -> dict[str, Any]:
    """As audiocraft/utils/export.py."""
    from audiocraft import __version__
    from omegaconf import OmegaConf

    return {
        "best_state": state,
        "xp.cfg": OmegaConf.to_yaml(config),
        "version": __version__,
        "exported": True,
    }


@torch.no_grad()
def _made(folder: Path, clip: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """The likeliest codes of each prompt, and their sound; by the package's own loaders."""
    from audiocraft.models import MusicGen
    from audiocraft.models.loaders import load_compression_model, load_lm_model

    language, codec = load_lm_model(folder), load_compression_model(folder)
    music = MusicGen("small", codec, language, 30)  # which makes a stereo model's two channels of the codec
    found: dict[str, torch.Tensor] = {}
    for place, prompt in enumerate(PROMPTS):
        # `set_generation_params` and `generate` as a user of the package calls them; one prompt, so no padding.
        music.set_generation_params(use_sampling=False, duration=FRAMES / music.frame_rate, cfg_coef=3.0)
        if clip is None:
            samples, codes = music.generate([prompt], return_tokens=True)
        else:
            samples, codes = music.generate_with_chroma([prompt], clip, RATE_HZ, return_tokens=True)
        found |= {f"{place}.codes": codes[0], f"{place}.samples": samples[0]}
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
