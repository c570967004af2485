"""What the tests are pointed at, by environment variables; see README.md."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from infra_tests.evoke import Evoke

collect_ignore = ["locust"]  # `load_test.py` is locust's; pytest would take it for one of its own by its name


def pytest_report_header() -> str:
    return f"evoke: {base_url()}"


def base_url() -> str:
    return os.environ.get("BASE_URL", "http://localhost:8000").rstrip("/")


@pytest.fixture(scope="session")
def evoke() -> Iterator[Evoke]:
    """The system under test; the run ends at once when nothing answers there."""
    with Evoke(base_url(), os.environ.get("API_KEY"), float(os.environ.get("PATIENCE_S", "120"))) as system:
        if not system.answers():
            pytest.exit(f"no evoke answers at {base_url()} (BASE_URL)", returncode=2)
        yield system


@pytest.fixture(scope="session")
def poison() -> dict[str, Any]:
    """A submission that kills whatever runs it."""
    if "POISON_JOB" not in os.environ:
        pytest.skip("POISON_JOB is not set: there is no model here that a job can kill (see README.md)")
    found: dict[str, Any] = json.loads(os.environ["POISON_JOB"])
    return found


@pytest.fixture(scope="session")
def traces_url() -> str:
    """Where traces can be looked up."""
    if "TRACES_URL" not in os.environ:
        pytest.skip("TRACES_URL is not set: nobody says where traces are kept (see README.md)")
    return os.environ["TRACES_URL"].rstrip("/")
