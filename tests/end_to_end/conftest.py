"""Scenarios run on both engines: a module that can't names those that it can (ENGINES)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.engines import ALL, Distributed, Engine


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever asks for an engine on each of them."""
    if "engine" in metafunc.fixturenames:
        names = getattr(metafunc.module, "ENGINES", ("embedded", "distributed"))
        marks = {"distributed": [pytest.mark.distributed]}
        params = [pytest.param(name, marks=marks.get(name, [])) for name in names]
        metafunc.parametrize("engine", params, indirect=True, scope="module")


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engine of a module's tests. SERVERS of the module: those that it needs, when not all."""
    if request.param == "embedded":
        yield Engine()
        return
    servers = request.getfixturevalue("servers")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in servers.credentials().items():
            patched.setenv(name, value)
        yield Distributed(servers, getattr(request.module, "SERVERS", ALL))
