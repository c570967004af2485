"""LoRAs: both layouts, several at once, nothing left behind, and whoever has others makes other passes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from model_containers.checkpoints.device import choose_device
from model_containers.diffusers.checkpoint_files import checkpoint_files
from model_containers.diffusers.checkpoints import LoadedModel, load
from model_containers.diffusers.loras import SETS, LoraChoice, Loras
from model_containers.diffusers.placement import Placement
from model_containers.diffusers.shared_passes.passes import SharedPasses
from model_containers.sdk import InvalidInput
from tests.unit.diffusers_container.shared_passes.seats import NotingUNet, alone, sit
from tests.unit.diffusers_container.watchers import USUAL

UNET = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q"
CONVOLUTION = "down_blocks.0.resnets.0.conv1"
TEXT = "encoder.layers.0.self_attn.q_proj"
RANK = 2

pytestmark = pytest.mark.timeout(400)


def matrices(model: LoadedModel, seed: int) -> dict[tuple[str, str], tuple[torch.Tensor, torch.Tensor]]:
    """Up and down of three layers, by network and name."""
    draw = torch.Generator().manual_seed(seed)

    def of(network: Any, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        outputs, inputs, *kernel = network.get_submodule(name).weight.shape
        up = torch.randn(outputs, RANK, *[1] * len(kernel), generator=draw)
        return up, torch.randn(RANK, inputs, *kernel, generator=draw)

    pipeline = model.pipeline
    return {
        ("unet", UNET): of(pipeline.unet, UNET),
        ("unet", CONVOLUTION): of(pipeline.unet, CONVOLUTION),
        ("text_encoder", TEXT): of(pipeline.text_encoder, TEXT),
    }


def write_kohya(model: LoadedModel, file: Path, seed: int, alpha: float = 1.0) -> None:
    state: dict[str, torch.Tensor] = {}
    for (network, name), (up, down) in matrices(model, seed).items():
        prefix = "lora_unet_" if network == "unet" else "lora_te_text_model_"
        base = prefix + name.replace(".", "_")
        state |= {
            f"{base}.lora_up.weight": up,
            f"{base}.lora_down.weight": down,
            f"{base}.alpha": torch.tensor(alpha),
        }
    save_file(state, file)


def write_diffusers(model: LoadedModel, file: Path, seed: int) -> None:
    """As diffusers writes it: no alpha, so that a weight of 1 is the product of the matrices."""
    state: dict[str, torch.Tensor] = {}
    for (network, name), (up, down) in matrices(model, seed).items():
        prefix = "unet." if network == "unet" else "text_encoder.text_model."
        state |= {f"{prefix}{name}.lora_B.weight": up, f"{prefix}{name}.lora_A.weight": down}
    save_file(state, file)


@pytest.fixture(scope="module")
def model(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """The tiny checkpoint with a folder of LoRAs: `first` and `second` by kohya, `same` is `first` by diffusers."""
    folder = tmp_path_factory.mktemp("loras")
    found = load(
        checkpoint_files(tiny_folder), choose_device("cpu", "float32", threads=1), Placement(loras=folder)
    )
    write_kohya(found, folder / "first.safetensors", seed=1, alpha=RANK)
    write_diffusers(found, folder / "same.safetensors", seed=1)
    write_kohya(found, folder / "second.safetensors", seed=2)
    return found


def loras_of(model: LoadedModel) -> Loras:
    assert model.loras is not None
    return model.loras


def having(model: LoadedModel, *choices: tuple[str, float]) -> LoadedModel:
    """The model as a run with these LoRAs sees it."""
    return replace(model, shared=loras_of(model).parts([LoraChoice(*choice) for choice in choices]))


def merged(
    model: LoadedModel, changes: Mapping[tuple[str, str], torch.Tensor], tiny_folder: Path
) -> LoadedModel:
    """The checkpoint loaded anew, with the weights themselves changed."""
    found = load(checkpoint_files(tiny_folder), choose_device("cpu", "float32", threads=1))
    with torch.no_grad():
        for (network, name), delta in changes.items():
            getattr(found.pipeline, network).get_submodule(name).weight += delta
    return found


def deltas(model: LoadedModel, seed: int, scale: float) -> dict[tuple[str, str], torch.Tensor]:
    return {
        place: scale * torch.einsum("or,ri...->oi...", up.flatten(1), down)
        for place, (up, down) in matrices(model, seed).items()
    }


def test_a_lora_makes_the_picture_of_weights_that_are_changed_by_hand(
    model: LoadedModel, tiny_folder: Path
) -> None:
    first, second = deltas(model, 1, 0.05), deltas(model, 2, 0.2 * 1.0 / RANK)
    by_hand = merged(model, {place: first[place] + second[place] for place in first}, tiny_folder)
    found = alone(having(model, ("first", 0.05), ("second", 0.2)), USUAL)[0].astype(int)
    assert np.abs(found - alone(by_hand, USUAL)[0]).max() <= 1
    assert np.abs(found - alone(model, USUAL)[0]).max() > 8


def test_both_layouts_say_the_same_and_order_makes_no_difference(model: LoadedModel) -> None:
    kohya, ours = (alone(having(model, (name, 0.1)), USUAL)[0] for name in ("first", "same"))
    assert np.array_equal(kohya, ours)
    one, other = (("first", 0.1), ("second", -0.1)), (("second", -0.1), ("first", 0.1))
    assert having(model, *one).shared is having(model, *other).shared


def test_runs_with_other_loras_share_no_pass_and_make_the_pictures_that_each_makes_alone(
    model: LoadedModel,
) -> None:
    choices: list[tuple[tuple[str, float], ...]] = [
        (),
        (("first", 0.1),),
        (("first", 0.1),),
        (("second", 0.1),),
    ]
    runs = [
        (having(model, *chosen), replace(USUAL, seed=seed, steps=10)) for seed, chosen in enumerate(choices)
    ]
    passes = SharedPasses(16)
    sittings = [sit(with_loras, settings, passes) for with_loras, settings in runs]
    for (with_loras, settings), sitting in zip(runs, [each.ended() for each in sittings], strict=True):
        assert sitting.error is None
        assert np.array_equal(sitting.pictures[0], alone(with_loras, settings)[0])
    serials = {each.shared.unet.serial for each, _ in runs if each.shared is not None}
    assert len(serials) == 3


def test_nothing_of_a_lora_stays_in_the_model(model: LoadedModel) -> None:
    before = alone(model, USUAL)[0]
    weights = {name: part.clone() for name, part in model.pipeline.unet.named_parameters()}
    for number in range(20):
        alone(having(model, ("first", 0.1 + number / 100)), USUAL)
    assert np.array_equal(alone(model, USUAL)[0], before)
    assert all(torch.equal(part, weights[name]) for name, part in model.pipeline.unet.named_parameters())


def test_the_weights_of_sets_that_nobody_uses_are_freed(model: LoadedModel) -> None:
    kept = [weakref.ref(having(model, ("first", number / 50)).shared.unet) for number in range(1, 31)]  # type: ignore[union-attr]
    gc.collect()
    assert sum(ref() is not None for ref in kept) == SETS


def test_a_file_that_was_replaced_is_read_anew(model: LoadedModel, tmp_path: Path) -> None:
    loras = Loras(tmp_path, model.pipeline, loras_of(model)._parts)
    write_kohya(model, tmp_path / "it.safetensors", seed=1, alpha=RANK)
    before = loras.parts([LoraChoice("it", 0.1)])
    write_diffusers(model, tmp_path / "it.safetensors", seed=2)
    after = loras.parts([LoraChoice("it", 0.1)])
    first, second = (alone(replace(model, shared=parts), USUAL)[0] for parts in (before, after))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"lora_unet_no_such_layer.lora_up.weight": torch.zeros(2, 2)}, "another model"),
        ({"unet.conv_in.weight": torch.zeros(2, 2)}, "no LoRA"),
        ({"lora_unet_conv_in.hada_w1_a": torch.zeros(2, 2)}, "no LoRA"),
        (
            {
                "lora_unet_conv_in.lora_up.weight": torch.zeros(3, 2),
                "lora_unet_conv_in.lora_down.weight": torch.zeros(2, 5),
            },
            "does not fit",
        ),
        (None, "can't be read"),
    ],
)
def test_what_is_no_lora_of_this_model_is_refused_by_its_field(
    model: LoadedModel, tmp_path: Path, state: dict[str, torch.Tensor] | None, reason: str
) -> None:
    file = tmp_path / "it.safetensors"
    if state is None:
        file.write_bytes(b"broken")
    else:
        save_file(state, file)
    loras = Loras(tmp_path, model.pipeline, loras_of(model)._parts)
    with pytest.raises(InvalidInput, match=reason) as caught:
        loras.parts([LoraChoice("it", 0.0), LoraChoice("it", 1.0)])
    assert caught.value.field == "loras.1.name"


def test_an_unknown_lora_is_refused_with_those_that_there_are(model: LoadedModel) -> None:
    with pytest.raises(InvalidInput, match="first, same, second"):
        having(model, ("third", 1.0))
    nothing = Loras(None, model.pipeline, loras_of(model)._parts)
    with pytest.raises(InvalidInput, match="--loras"):
        nothing.parts([LoraChoice("first", 1.0)])


def test_a_changed_network_counts_as_another_one(model: LoadedModel) -> None:
    plain = NotingUNet(model.pipeline.unet, lambda number: None, 1 << 40)
    assert plain.changed({}).serial != plain.serial
