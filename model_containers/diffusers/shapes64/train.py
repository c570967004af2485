"""Makes the shapes-64 checkpoint from nothing.

`python -m model_containers.diffusers.shapes64.train --out DIR --minutes 100` takes that long on
whatever there is; on a GPU a few minutes are enough. Stopped, it takes up where it was when called again.
"""

import argparse
import logging
from pathlib import Path

from model_containers.diffusers.shapes64.checkpoint_folder import size_bytes, write_checkpoint
from model_containers.diffusers.shapes64.train_denoiser import train_denoiser
from model_containers.diffusers.shapes64.train_reader import train_reader
from model_containers.diffusers.shapes64.train_vae import train_vae
from model_containers.training.stage import Plan

VAE_SHARE, READER_SHARE, DENOISER_SHARE = 0.14, 0.06, 0.8
"""How the minutes are divided between the three stages."""


def main() -> None:
    """Parse the command line, train all stages, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the checkpoint to")
    parser.add_argument("--state", type=Path, help="folder for the state to resume from (default: OUT.state)")
    parser.add_argument("--minutes", type=float, default=100.0, help="of training in all")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    state: Path = arguments.state or arguments.out.with_name(arguments.out.name + ".state")
    state.mkdir(parents=True, exist_ok=True)
    minutes, device, seed = arguments.minutes, arguments.device, arguments.seed
    vae = train_vae(Plan(VAE_SHARE * minutes, 8, 1.5e-3, device, seed, state / "vae.pt"))
    reader = train_reader(Plan(READER_SHARE * minutes, 96, 1.5e-3, device, seed, state / "reader.pt"))
    plan = Plan(DENOISER_SHARE * minutes, 64, 1.5e-3, device, seed, state / "denoiser.pt")
    denoiser = train_denoiser(plan, vae, reader)
    write_checkpoint(arguments.out, vae, denoiser, reader)
    logging.info("wrote %s, %.1f MB", arguments.out, size_bytes(arguments.out) / 1e6)


if __name__ == "__main__":
    main()
