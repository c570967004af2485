"""A stand-in for AWS (`aws_stand_in.py`) on a port of this machine, or the one that EVOKE_AWS_ENDPOINT names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.infrastructure.terraform.tools import python_of
from tests.system.processes import eventually, free_port

STAND_IN = Path(__file__).parent / "aws_stand_in.py"


@contextmanager
def stand_in(folder: Path) -> Iterator[str]:
    """Yield the URL of a stand-in; its log lies in the folder. Skips where it can't be installed."""
    if named := os.environ.get("EVOKE_AWS_ENDPOINT"):
        yield named
        return
    port, log = free_port(), folder / "aws.log"
    with log.open("wb") as file:
        process = subprocess.Popen([python_of("moto"), STAND_IN, str(port)], stdout=file, stderr=file)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-4000:]
        try:
            return httpx.get(f"{url}/moto-api/", timeout=5).is_success
        except httpx.HTTPError:
            return False

    try:
        eventually(answers, "the stand-in for AWS answers", 60)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def signed(service: str, region: str = "eu-central-1") -> dict[str, str]:
    """The header by which the stand-in knows which service is meant; it checks no signature."""
    return {"authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request"}
