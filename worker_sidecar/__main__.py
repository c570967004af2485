"""`python -m worker_sidecar`."""

from __future__ import annotations

import argparse
import sys

from evoke.process import run
from worker_sidecar.bootstrap import serve

STAGES_S = 1.8
"""After the drain: give back what is left and close; with the default drain that ends within 10 s."""


def main() -> None:
    """Run the sidecar until SIGTERM or SIGINT; exit with 0 (stopped), 1 (failed), 2 (wrong setting)."""
    parser = argparse.ArgumentParser(
        prog="python -m worker_sidecar",
        description="Takes requests from a queue, runs them in a model container, stores what comes out.",
        epilog="Settings are EVOKE_* variables, see docs/settings.md; EVOKE_QUEUE and EVOKE_MODEL_ADDRESS are needed.",
    )
    parser.add_argument("--queue", help="the queue to serve (EVOKE_QUEUE)")
    parser.add_argument("--model-address", help="the container: unix:PATH or HOST:PORT (EVOKE_MODEL_ADDRESS)")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    sys.exit(run("sidecar", serve, given, stages_s=STAGES_S))


if __name__ == "__main__":
    main()
