"""Checkpoints as AudioCraft itself publishes them, such as facebook/audiogen-medium.

A folder with `state_dict.bin` and `compression_state_dict.bin`. The encoder of prompts is in neither: it lies in a
folder of its own name (such as `t5-large`), in transformers' layout, within the checkpoint's or beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from model_containers.audiocraft.checkpoint_facts import Facts, facts_of, wishes_of
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.own_config import OwnConfig
from model_containers.audiocraft.own_files import PRETRAINED, config_of, read_header
from model_containers.checkpoints.files import check_safetensors, read_json
from model_containers.sdk.errors import CheckpointError

WEIGHTS, CODEC_WEIGHTS = "state_dict.bin", "compression_state_dict.bin"
PROMPT, MELODY = "description", "self_wav"
"""Names of what conditions the models that were published."""


@dataclass(frozen=True)
class OwnLayout:
    """See `Layout`."""

    folder: Path

    def facts(self, bounds: Bounds) -> Facts:
        """See `Layout`."""
        config = self.config()
        check(config)
        window = config.get("dataset.segment_duration")
        wishes = {**({"window_s": window} if window else {}), **wishes_of(self.folder)}
        found = facts_of(self._codec_facts(), wishes, bounds, self.folder / CODEC_WEIGHTS)
        return replace(found, melody=follows_melody(config), channels=channels_of(config))

    def load(self) -> tuple[Any, Any]:
        """See `Layout`."""
        config = self.config()
        check(config)
        from model_containers.audiocraft import own_networks

        return own_networks.load(self, config)

    def config(self) -> OwnConfig:
        """That of the language model. Raises CheckpointError."""
        file = self.folder / WEIGHTS
        return config_of(read_header(file), file)

    def codec(self) -> OwnConfig | Path:
        """The codec's configuration, or the folder of one in transformers' layout. Raises CheckpointError."""
        file = self.folder / CODEC_WEIGHTS
        header = read_header(file)
        if PRETRAINED in header:
            return self.part(str(header[PRETRAINED]), file)
        config = config_of(header, file)
        config.require(_CODEC)
        return config

    def part(self, name: str, source: Path) -> Path:
        """The folder of what the checkpoint only names. source: what names it. Raises CheckpointError."""
        last = PurePosixPath(name.replace("\\", "/")).name
        if last in ("", ".."):
            raise CheckpointError(f"{source}: names {name!r}, which is no model")
        places = (self.folder / last, self.folder.parent / last)
        for place in places:
            if (place / "config.json").is_file():
                for file in place.glob("*.safetensors"):
                    check_safetensors(file)
                return place
        raise CheckpointError(
            f"{source} goes with {name}, which is not there: fetch it as {places[0]} or {places[1]}"
        )

    def _codec_facts(self) -> dict[str, Any]:
        """As transformers' EncodecConfig says it."""
        codec = self.codec()
        if isinstance(codec, Path):
            return read_json(codec / "config.json")
        return {
            "sampling_rate": codec.number("sample_rate"),
            "upsampling_ratios": codec.get("seanet.ratios"),
            "audio_channels": codec.get("channels", 1),
        }


def channels_of(config: OwnConfig) -> int:
    """2 where the codebooks of two channels take turns."""
    return 2 if config.get("interleave_stereo_codebooks.use", False) else 1


def follows_melody(config: OwnConfig) -> bool:
    """Whether a clip's melody is among what conditions the model."""
    return MELODY in set(_conditions(config))


def check(config: OwnConfig) -> None:
    """Check that a language model is of the kind that was published. Raises CheckpointError naming what is not."""
    config.require(_LANGUAGE_MODEL)
    if unknown := sorted(set(_conditions(config)) - {PROMPT, MELODY}):
        raise CheckpointError(f"{config.source}: is conditioned by {unknown[0]}, which is not served")
    melody = follows_melody(config)
    config.require(_MELODY if melody else {"fuser.cross": ([PROMPT],), "fuser.prepend": ([],)})
    books, channels = config.number("transformer_lm.n_q"), channels_of(config)
    modeling = config.get("codebooks_pattern.modeling") or config.get("transformer_lm.q_modeling")
    delays = config.get("codebooks_pattern.delay.delays", list(range(books)))
    if modeling != "delay" or delays != [book // channels for book in range(books)]:
        raise CheckpointError(f"{config.source}: its codebooks are laid out in a way that is not served")


def _conditions(config: OwnConfig) -> Iterator[str]:
    found = config.get("conditioners")
    yield from (name for name in (found if isinstance(found, dict) else {}) if name != "args")


_LM = "transformer_lm."
_LANGUAGE_MODEL: dict[str, tuple[Any, ...]] = {
    "lm_model": ("transformer_lm",),
    f"{_LM}norm": ("layer_norm",),
    f"{_LM}norm_first": (True,),
    f"{_LM}activation": ("gelu",),
    f"{_LM}causal": (True,),
    f"{_LM}positional_embedding": ("sin",),
    f"{_LM}positional_scale": (1, 1.0),
    f"{_LM}bias_ff": (False,),
    f"{_LM}bias_attn": (False,),
    f"{_LM}bias_proj": (False,),
    f"{_LM}xpos": (False,),
    f"{_LM}layer_scale": (None,),
    f"{_LM}past_context": (None,),
    f"{_LM}qk_layer_norm": (False,),
    f"{_LM}qk_layer_norm_cross": (False,),
    f"{_LM}kv_repeat": (1,),
    "codebooks_pattern.delay.flatten_first": (0,),
    "codebooks_pattern.delay.empty_initial": (0,),
    "interleave_stereo_codebooks.per_timestep": (False,),
    "fuser.sum": ([],),
    "fuser.input_interpolate": ([],),
    "fuser.cross_attention_pos_emb": (False,),
    f"conditioners.{PROMPT}.model": ("t5",),
    f"conditioners.{PROMPT}.t5.finetune": (False,),
    f"conditioners.{PROMPT}.t5.normalize_text": (False,),
}
_MELODY: dict[str, tuple[Any, ...]] = {
    "fuser.cross": ([],),
    "fuser.prepend": ([MELODY, PROMPT],),
    f"conditioners.{MELODY}.model": ("chroma_stem",),
    f"conditioners.{MELODY}.chroma_stem.n_chroma": (12,),
    f"conditioners.{MELODY}.chroma_stem.radix2_exp": (14,),
    f"conditioners.{MELODY}.chroma_stem.argmax": (True,),
}
_CODEC: dict[str, tuple[Any, ...]] = {
    "compression_model": ("encodec",),
    "encodec.autoencoder": ("seanet",),
    "encodec.quantizer": ("rvq",),
    "encodec.renormalize": (False,),
    "seanet.activation": ("ELU",),
    "seanet.norm": ("weight_norm", "time_group_norm"),
    "seanet.disable_norm_outer_blocks": (0,),
    "seanet.pad_mode": ("constant", "reflect"),
    "seanet.decoder.final_activation": (None,),
    "rvq.q_dropout": (False, True),
}
