"""What the decoder is trained on: the codes before, and the words of the prompt, nothing else."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("transformers")

from model_containers.audiocraft.libraries import Network
from model_containers.audiocraft.sounds16k.built_codec import make_codec
from model_containers.audiocraft.sounds16k.networks import TEXT_WIDTH, make_model
from model_containers.audiocraft.sounds16k.scores import CODEBOOKS, ENTRIES
from model_containers.audiocraft.sounds16k.words import make_tokenizer


@pytest.fixture(scope="module")
def model() -> Network:
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    return make_model(make_codec(), len(tokenizer), tokenizer.pad_token_id).train()


def logits(model: Network, codes: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """Logits (books, columns, codes) of one clip whose prompt has three words; two more are padding."""
    with torch.no_grad():
        made: torch.Tensor = model.decoder(
            input_ids=codes,
            encoder_hidden_states=model.enc_to_dec_proj(text),
            encoder_attention_mask=torch.tensor([[1, 1, 1, 0, 0]]),
        ).logits
    return made


def test_in_training_a_later_code_changes_nothing_that_is_foretold_before_it(model: Network) -> None:
    codes, text = torch.randint(0, ENTRIES, (CODEBOOKS, 20)), torch.randn(1, 5, TEXT_WIDTH)
    other = codes.clone()
    other[:, 12:] = (other[:, 12:] + 7) % ENTRIES
    before, after = logits(model, codes, text), logits(model, other, text)
    torch.testing.assert_close(before[:, :12], after[:, :12], rtol=0, atol=1e-6)
    assert not torch.allclose(before[:, 12:], after[:, 12:])


def test_in_training_the_padding_of_a_prompt_is_not_looked_at(model: Network) -> None:
    codes, text = torch.randint(0, ENTRIES, (CODEBOOKS, 20)), torch.randn(1, 5, TEXT_WIDTH)
    padded, said = text.clone(), text.clone()
    padded[:, 3:] += 9
    said[:, 2] += 9
    torch.testing.assert_close(logits(model, codes, padded), logits(model, codes, text), rtol=0, atol=1e-6)
    assert not torch.allclose(logits(model, codes, said), logits(model, codes, text))
