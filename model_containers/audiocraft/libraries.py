"""transformers, which leaves much of what it exports without types; said once here."""

from typing import Any

import transformers as _transformers
from transformers.audio_utils import chroma_filter_bank as _chroma_filter_bank
from transformers.cache_utils import DynamicCache as _DynamicCache
from transformers.cache_utils import EncoderDecoderCache as _EncoderDecoderCache

transformers: Any = _transformers
DynamicCache: Any = _DynamicCache
EncoderDecoderCache: Any = _EncoderDecoderCache
chroma_filter_bank: Any = _chroma_filter_bank

Network = Any
"""A network of the library: a `torch.nn.Module` with a `config`."""

Tokenizer = Any
"""A tokenizer of the library."""
