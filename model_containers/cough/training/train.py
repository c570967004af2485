"""`python -m model_containers.cough.training.train`: trains the ensemble and writes its weights."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import nn

from model_containers.cough.algos.classification import scaled
from model_containers.cough.runtime.config import Config, load_config
from model_containers.cough.runtime.pipeline import WEIGHTS
from model_containers.cough.training.networks import Network
from model_containers.cough.training.scenes import COUGH, examples_of, make_scene, make_speech

TRAINING_SEED = 1
BATCH = 64


def make_examples(
    seed: int, scenes: int, spoken: int, config: Config
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pictures (n, mels, frames), scaled, and labels (n,): 1 for a cough. Segments of unknown origin are left out."""
    rng = np.random.default_rng(seed)
    speech = make_speech(rng, spoken)
    found = [
        example
        for number in range(scenes)
        for example in examples_of(make_scene(rng, speech, coughs=number % 2 == 0), config)
        if example[1]
    ]
    pictures = scaled(np.stack([spectrogram for spectrogram, _ in found]))
    return pictures, np.array([kind == COUGH for _, kind in found], np.float32)


def train_member(seed: int, pictures: torch.Tensor, labels: torch.Tensor, epochs: int) -> Network:
    """Train one network on a bootstrap sample of the examples."""
    torch.manual_seed(seed)
    chosen = torch.randint(len(labels), (len(labels),))
    pictures, labels = pictures[chosen], labels[chosen]
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = epochs * -(-len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    weight = (1 - labels).sum() / labels.sum()
    loss_of = nn.BCEWithLogitsLoss(pos_weight=weight)
    for _ in range(epochs):
        order = torch.randperm(len(labels))
        for start in range(0, len(labels), BATCH):
            batch = order[start : start + BATCH]
            shown = _disturbed(pictures[batch])
            loss = loss_of(network(shown[:, None])[:, 0], labels[batch] * 0.96 + 0.02)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network


def _disturbed(pictures: torch.Tensor) -> torch.Tensor:
    """A little louder or softer, and with a band of frequencies left out: so that no single one is relied on."""
    shown = (pictures + torch.randn(len(pictures), 1, 1) * 0.1).clamp(-1, 1)
    band = int(torch.randint(0, pictures.shape[1] - 6, (1,)))
    shown[:, band : band + int(torch.randint(0, 7, (1,)))] = -1
    return shown


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description="Train the cough classifier on synthesised sounds.")
    parser.add_argument("--scenes", type=int, default=4000)
    parser.add_argument("--speech", type=int, default=300, help="pieces of speech to make")
    parser.add_argument("--members", type=int, default=5, help="networks of the ensemble")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    began = time.monotonic()
    pictures, labels = make_examples(TRAINING_SEED, options.scenes, options.speech, load_config())
    print(
        f"{len(labels)} segments, {labels.mean():.0%} coughs, made in {time.monotonic() - began:.0f} s",
        flush=True,
    )
    weights: dict[str, NDArray[np.float32]] = {}
    for member in range(options.members):
        network = train_member(member, torch.from_numpy(pictures), torch.from_numpy(labels), options.epochs)
        weights |= {f"{member}.{name}": tensor.numpy() for name, tensor in network.state_dict().items()}
        print(f"network {member + 1} of {options.members} after {time.monotonic() - began:.0f} s", flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, options.output)
    print(f"{options.output}: {options.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
