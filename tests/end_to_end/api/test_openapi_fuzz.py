"""What the document allows, and much that it does not, gets an answer that it describes: never a 5xx (schemathesis)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.system.processes import ProcessUnderTest, eventually, free_port

load_all_checks()
ANSWERS: Any = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    ]
)
_cases = count()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("fuzz")
    url = f"http://127.0.0.1:{free_port()}"
    environment = {
        "EVOKE_DATA_DIR": str(folder / "data"),
        "EVOKE_PORT": url.rpartition(":")[2],
        "EVOKE_MAX_WAIT_S": "0.1",
        "EVOKE_POSITION_WAIT_S": "0.1",
    }
    process = ProcessUnderTest("api", "services.api", [], environment, folder / "api.log")
    process.start()
    try:
        eventually(lambda: _answers(url), f"the API is ready: {process.output}")
        yield url
        assert process.alive
        assert "Traceback" not in process.output
    finally:
        process.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def job_id(api: str) -> str:
    """A job that has ended, so that its stream of events ends too."""
    body = {"model": "shapes-64", "input": {"prompt": "a red circle"}}
    job = httpx.post(f"{api}/v1/jobs", json=body, timeout=20).json()
    httpx.post(f"{api}{job['urls']['cancel']}", timeout=20).raise_for_status()
    found: str = job["id"]
    return found


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.timeout(300)
def test_every_answer_is_one_that_the_document_describes(api: str, job_id: str, mode: GenerationMode) -> None:
    """Every other case that asks for a job asks for one that exists."""
    document = schemathesis.openapi.from_url(f"{api}/openapi.json")
    operations: list[Any] = list(document.get_all_operations())
    tried = sum(_try(found.ok(), mode, job_id) for found in operations)
    assert tried > 10


def _try(operation: Any, mode: GenerationMode, job_id: str) -> bool:
    """Try one operation; False when there is nothing that this mode could vary."""

    @seed(1)
    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        if "{id}" in case.path and "jobs" in case.path and next(_cases) % 2:
            case.path_parameters["id"] = job_id
        answer = case.call(timeout=20)
        assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"
        case.validate_response(answer, checks=ANSWERS)

    try:
        run()
    except Unsatisfiable:
        return False
    return True
