"""`python -m model_containers.audiocraft`: serves text-to-sound and text-to-music checkpoints."""

from __future__ import annotations

import argparse
import os
import sys

from model_containers.audiocraft.container import AudioModel
from model_containers.audiocraft.input_schema import Bounds
from model_containers.audiocraft.model_argument import model_argument
from model_containers.audiocraft.placement import Placement
from model_containers.checkpoints.compute_thread import ComputeThread
from model_containers.sdk import main

VERSION = "1"
DESCRIPTION = "Text to sound and to music with AudioGen's and MusicGen's checkpoints."
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
"""The libraries read these when they are imported: nothing is fetched, nothing reported, warnings left to us."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what this container takes beside the SDK's own options."""
    bounds = Bounds()
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        type=model_argument,
        metavar="ID=FOLDER",
        help="a model to serve, in transformers' or AudioCraft's layout; may be given several times",
    )
    parser.add_argument(
        "--lazy", action="store_true", help="load a model at its first run instead of at start"
    )
    parser.add_argument(
        "--device", default="auto", help="auto (a GPU where there is one), cpu, cuda, cuda:1, ..."
    )
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16"))
    parser.add_argument(
        "--threads", type=_positive, help="CPU threads of torch (default: torch's own choice)"
    )
    parser.add_argument(
        "--batch", type=_positive, default=Placement.batch, help="runs served together (default: %(default)s)"
    )
    parser.add_argument(
        "--max-duration", type=float, default=bounds.max_duration_s, help="seconds of a sound (%(default)g)"
    )
    parser.add_argument(
        "--max-prompt-len", type=_positive, default=bounds.max_prompt_len, help="characters (%(default)s)"
    )


def placement_of(arguments: argparse.Namespace) -> Placement:
    """Make the placement from the parsed options."""
    return Placement(
        device=arguments.device,
        dtype=arguments.dtype,
        threads=arguments.threads,
        batch=arguments.batch,
        lazy=arguments.lazy,
        bounds=Bounds(arguments.max_duration, arguments.max_prompt_len),
    )


def _models(arguments: argparse.Namespace) -> list[AudioModel]:
    placement = placement_of(arguments)
    compute = ComputeThread(placement.threads)
    return [AudioModel(argument, placement, compute) for argument in arguments.model]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {number}")
    return number


if __name__ == "__main__":
    os.environ.update(OFFLINE)
    try:
        main(_models, DESCRIPTION, add_options, version=VERSION)
    except ValueError as error:
        print(f"can't serve: {error}", file=sys.stderr)
        sys.exit(2)
