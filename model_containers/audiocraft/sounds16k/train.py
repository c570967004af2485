"""Makes the sounds-16k checkpoint from nothing.

`python -m model_containers.audiocraft.sounds16k.train --out DIR --minutes 20` takes that long on whatever there is;
with `--steps 9000` it takes so many steps however busy the machine is. Stopped, it takes up where it was when called
again.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from model_containers.audiocraft.sounds16k.built_codec import make_codec
from model_containers.audiocraft.sounds16k.checkpoint_folder import size_bytes, write_checkpoint
from model_containers.audiocraft.sounds16k.train_decoder import train_decoder
from model_containers.training.stage import Plan


def main() -> None:
    """Parse the command line, train, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the checkpoint to")
    parser.add_argument("--state", type=Path, help="folder for the state to resume from (default: OUT.state)")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training in all")
    parser.add_argument("--steps", type=int, help="of training in all, whatever the minutes are")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    state: Path = arguments.state or arguments.out.with_name(arguments.out.name + ".state")
    state.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        arguments.minutes,
        16,
        3e-3,
        arguments.device,
        arguments.seed,
        state / "decoder.pt",
        arguments.steps,
    )
    model, tokenizer = train_decoder(plan, make_codec())
    write_checkpoint(arguments.out, model, tokenizer)
    logging.info("wrote %s, %.1f MB", arguments.out, size_bytes(arguments.out) / 1e6)


if __name__ == "__main__":
    main()
