"""diffusers and transformers, which leave much of what they export without types.

Said once here, so that the rest of this package is checked strictly and needs no exceptions.
"""

from typing import Any

import diffusers as _diffusers
import transformers as _transformers
from diffusers.models.attention_processor import AttnProcessor as _AttnProcessor

diffusers: Any = _diffusers
transformers: Any = _transformers

AttnProcessor: Any = _AttnProcessor

Network = Any
"""A network of either library: a `torch.nn.Module` with a `config`."""

Tokenizer = Any
"""A tokenizer of transformers."""

Schedule = Any
"""A noise schedule and sampler of diffusers."""

Pipeline = Any
"""A pipeline of diffusers."""
