"""What all tests share: the event loop that services run on."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Iterator

import pytest

from tests.stack.servers import servers as servers  # noqa: PLC0414  # a fixture of all tests

# The background jobs of a shell ignore Ctrl-C, and their children inherit that: the tests that press it need it heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


TEARDOWN_S = 240.0
"""How long the fixtures of a test may take to end. After it the run ends, with the stack of every thread.

pytest-timeout ends a test once; what then hangs in a fixture (anyio waits there for the test that was broken off)
would hang for ever.
"""

_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the true standard error, which pytest puts aside while a test runs."""
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        config.stash[_STDERR] = os.dup(2)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Bound the time of the teardown."""
    faulthandler.dump_traceback_later(TEARDOWN_S, exit=True, file=item.config.stash[_STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the services do."""
    return "asyncio"
