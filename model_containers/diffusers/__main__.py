"""`python -m model_containers.diffusers`: serves checkpoints, or with `--check` says whether one works."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from model_containers.diffusers.container import DiffusersModel
from model_containers.diffusers.input_schema import Bounds
from model_containers.diffusers.model_argument import model_argument
from model_containers.diffusers.placement import Placement
from model_containers.diffusers.shared_passes.rendezvous import Rendezvous
from model_containers.diffusers.shelf import Shelf
from model_containers.sdk import main

VERSION = "1"
DESCRIPTION = "Text to image with checkpoints in the layouts of diffusers."
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DIFFUSERS_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}
"""The libraries read these when they are imported: nothing is fetched, nothing reported, warnings left to us."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what this container takes beside the SDK's own options."""
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        type=model_argument,
        metavar="ID=PATH",
        help="a model to serve: ID=FOLDER, or ID=FILE.safetensors,config=FOLDER; may be given several times",
    )
    parser.add_argument(
        "--lazy", action="store_true", help="load a model at its first run instead of at start"
    )
    parser.add_argument(
        "--memory",
        type=_gibibytes,
        metavar="GIB",
        help="of all loaded checkpoints; beyond it those used longest ago are put out (default: no limit)",
    )
    parser.add_argument(
        "--loras", type=Path, metavar="FOLDER", help="of LoRAs that runs may name: files NAME.safetensors"
    )
    add_placement(parser)


def add_placement(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where and how large pictures are made."""
    bounds = Bounds()
    parser.add_argument(
        "--device", default="auto", help="auto (a GPU where there is one), cpu, cuda, cuda:1, ..."
    )
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16"))
    parser.add_argument(
        "--threads", type=_positive, help="CPU threads of torch (default: torch's own choice)"
    )
    parser.add_argument(
        "--batch",
        type=_positive,
        default=Placement.batch,
        help="runs at once, and pictures of one forward pass that they share (default: %(default)s; 1: none do)",
    )
    parser.add_argument("--lanes", type=_positive, help="pictures of one run that are made together")
    parser.add_argument(
        "--max-side", type=_positive, default=bounds.max_side, help="pixels of the longer side of a picture"
    )
    parser.add_argument("--max-pixels", type=_positive, default=bounds.max_pixels, help="of one picture")
    parser.add_argument("--max-images", type=_positive, default=bounds.max_images, help="of one run")
    parser.add_argument(
        "--no-safety-checker", action="store_true", help="load no checkpoint's own safety checker"
    )
    parser.add_argument(
        "--tile-pixels",
        type=_positive,
        default=Placement.tile_pixels,
        help="larger pictures are encoded and decoded in tiles (default: %(default)s)",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile the blocks that a denoiser repeats; needs Triton or a C++ compiler",
    )
    parser.add_argument("--max-steps", type=_positive, default=bounds.max_steps, help="of one picture")


def placement_of(arguments: argparse.Namespace) -> Placement:
    """Make the placement from the parsed options."""
    return Placement(
        device=arguments.device,
        dtype=arguments.dtype,
        threads=arguments.threads,
        batch=arguments.batch,
        lanes=arguments.lanes,
        lazy=getattr(arguments, "lazy", False),
        loras=getattr(arguments, "loras", None),
        safety_checker=not getattr(arguments, "no_safety_checker", False),
        tile_pixels=getattr(arguments, "tile_pixels", Placement.tile_pixels),
        compiled=arguments.compile,
        bounds=Bounds(
            max_side=arguments.max_side,
            max_pixels=arguments.max_pixels,
            max_images=arguments.max_images,
            max_steps=arguments.max_steps,
        ),
    )


def _models(arguments: argparse.Namespace) -> list[DiffusersModel]:
    placement = placement_of(arguments)
    rendezvous = Rendezvous(placement.batch, placement.threads)
    shelf = Shelf(arguments.memory)
    return [DiffusersModel(argument, placement, rendezvous, shelf) for argument in arguments.model]


def _gibibytes(text: str) -> int:
    number = float(text)
    if not 0 < number < 1 << 20:
        raise argparse.ArgumentTypeError(f"must be more than 0 GiB, got {text}")
    return int(number * (1 << 30))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {number}")
    return number


def _check(options: list[str]) -> int:
    from model_containers.diffusers.checking import check

    parser = argparse.ArgumentParser(
        description="Load a checkpoint, make one step of a picture, say if it works."
    )
    parser.add_argument(
        "--check", required=True, type=Path, metavar="PATH", help="a folder, or a .safetensors file"
    )
    parser.add_argument("--config", type=Path, metavar="FOLDER", help="the configs of a single file")
    add_placement(parser)
    arguments = parser.parse_args(options)
    return check(arguments.check, arguments.config, placement_of(arguments))


def run(options: list[str]) -> None:
    """Serve or check, by the options; ends the process."""
    os.environ.update(OFFLINE)
    if any(option.split("=")[0] == "--check" for option in options):
        sys.exit(_check(options))
    main(
        _models,
        f"{DESCRIPTION} `--check PATH [--config FOLDER]` instead tries a checkpoint and ends.",
        options=add_options,
        version=VERSION,
    )


if __name__ == "__main__":
    run(sys.argv[1:])
