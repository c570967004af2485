"""The tokenizer: one token per word of a closed vocabulary, everything else one unknown token."""

import tokenizers
import torch
from tokenizers import Regex, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel

from model_containers.diffusers.shapes64.captions import vocabulary
from model_containers.diffusers.shapes64.libraries import Tokenizer, transformers
from model_containers.diffusers.shapes64.networks import TEXT_LENGTH

PAD, START, END, UNKNOWN = "<pad>", "<start>", "<end>", "<unk>"


def make_tokenizer() -> Tokenizer:
    """Make the tokenizer; capitals and punctuation make no difference to it."""
    ids = {word: index for index, word in enumerate([PAD, START, END, UNKNOWN, *vocabulary()])}
    backend = tokenizers.Tokenizer(WordLevel(ids, unk_token=UNKNOWN))
    backend.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"[^\p{L}\p{N}]+"), " ")]
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, ids[START]), (END, ids[END])]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=TEXT_LENGTH,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        unk_token=UNKNOWN,
        model_input_names=["input_ids", "attention_mask"],
    )


def tokenize(tokenizer: Tokenizer, captions: list[str]) -> torch.Tensor:
    """Return token ids of shape (captions, 32), padded and cut as the pipeline does."""
    batch = tokenizer(
        captions, padding="max_length", max_length=TEXT_LENGTH, truncation=True, return_tensors="pt"
    )
    ids: torch.Tensor = batch.input_ids
    return ids
