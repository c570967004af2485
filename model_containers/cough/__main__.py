"""`python -m model_containers.cough --address unix:PATH` serves the cough model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model_containers.cough.runtime import load_config
from model_containers.cough.server.model import CoughModel
from model_containers.sdk import main


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="a config.yml (default: the one that ships)")
    parser.add_argument("--concurrency", type=int, default=2, help="runs at once (default: 2)")


if __name__ == "__main__":
    try:
        main(
            lambda arguments: [CoughModel(load_config(arguments.config), arguments.concurrency)],
            "Finds coughs in recordings. No medical device.",
            _options,
            version="1",
        )
    except (OSError, ValueError) as error:
        print(f"can't serve: {error}", file=sys.stderr)
        sys.exit(2)
