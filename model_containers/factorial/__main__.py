"""`python -m model_containers.factorial --address unix:PATH` serves the factorial."""

from __future__ import annotations

import argparse

from model_containers.factorial.model import Factorial
from model_containers.sdk import main


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--concurrency", type=int, default=2, help="runs at once (default: 2)")


if __name__ == "__main__":
    main(
        lambda arguments: [Factorial(arguments.concurrency)],
        "Exact factorials of large numbers.",
        _options,
        version="1",
    )
