"""The tokenizer: one token per word of a closed vocabulary, everything else one unknown token."""

from __future__ import annotations

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel

from model_containers.audiocraft.libraries import Tokenizer, transformers
from model_containers.audiocraft.sounds16k.captions import vocabulary
from model_containers.audiocraft.sounds16k.networks import TEXT_LENGTH

PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
"""The first three, as T5 numbers them."""


def make_tokenizer() -> Tokenizer:
    """Make the tokenizer; capitals and punctuation make no difference to it."""
    ids = {word: index for index, word in enumerate([PAD, END, UNKNOWN, *vocabulary()])}
    backend = tokenizers.Tokenizer(WordLevel(ids, unk_token=UNKNOWN))
    backend.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"[^\p{L}\p{N}]+"), " ")]
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, ids[END])]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=TEXT_LENGTH,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        model_input_names=["input_ids", "attention_mask"],
    )
