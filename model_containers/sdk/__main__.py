"""`python -m model_containers.sdk PATH --address unix:PATH`: serves the models of a file or a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model_containers.sdk.loading import NoModels, load_models
from model_containers.sdk.serving import main


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        type=Path,
        metavar="PATH",
        help="a folder with a model.py, or a Python file; its models are served",
    )


if __name__ == "__main__":
    try:
        main(lambda arguments: load_models(arguments.path), "Serve models.", _options)
    except NoModels as error:
        print(f"can't serve: {error}", file=sys.stderr)
        sys.exit(2)
