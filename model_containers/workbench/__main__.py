"""`python -m model_containers.workbench`, also known as `evoke model`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from model_containers.sdk.loading import NoModels
from model_containers.workbench.commands import parser
from model_containers.workbench.container import NotServing
from model_containers.workbench.inputs import WrongWords


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 0 it worked, 1 it did not, 2 what was typed makes no sense."""
    options = parser().parse_args(arguments)
    try:
        return int(asyncio.run(options.work(options)))
    except (WrongWords, NoModels) as error:
        print(f"evoke model: {error}", file=sys.stderr)
        return 2
    except NotServing as error:
        print(f"evoke model: the container does not serve: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
