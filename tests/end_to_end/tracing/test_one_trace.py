"""A job is one trace, from its submission to its end, through every process; a collector receives it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.system.collector import Collected, Collector, collecting
from tests.system.processes import eventually
from tests.system.world import QUEUE, World, running_world

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as started:
        yield started


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world"), EVOKE_OTLP_ENDPOINT=collector.url) as started:
        yield started


def submitted(world: World, value: dict[str, object], traceparent: str | None = None) -> tuple[str, str]:
    """Submit a job and wait for its end; return its trace's id and its own."""
    headers = {"prefer": "wait=50"} | ({"traceparent": traceparent} if traceparent else {})
    body = {"model": "scripted", "input": value}
    answer = httpx.post(f"{world.url}/v1/jobs", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.headers["traceparent"].split("-")[1], answer.json()["id"]


def trace_of(collector: Collector, trace_id: str) -> dict[str, list[Collected]]:
    """The spans of a trace by name, once the attempt and the request are told."""

    def is_told() -> bool:
        names = {span.name for span in collector.of(trace_id)}
        return {f"process requested_{QUEUE}", "POST /v1/jobs"} <= names

    eventually(is_told, f"trace {trace_id} is with the collector")
    found: dict[str, list[Collected]] = {}
    for span in collector.of(trace_id):
        found.setdefault(span.name, []).append(span)
    return found


def test_a_job_is_one_trace_through_all_processes(world: World, collector: Collector) -> None:
    trace_id, job_id = submitted(world, {"behaviour": "work", "seconds": 0.2, "size_bytes": 5000})
    spans = trace_of(collector, trace_id)
    (request,) = spans["POST /v1/jobs"]
    (sent,) = spans[f"send requested_{QUEUE}"]
    (waited,) = spans[f"wait {QUEUE}"]
    (processed,) = spans[f"process requested_{QUEUE}"]
    (model,) = spans["evoke.model.v1.Model/Generate"]
    stored = spans["put artifact"]
    (started,) = spans[f"send attempts_{QUEUE}"]
    (ended,) = spans[f"send completed_{QUEUE}"]
    assert request.parent_id == ""
    assert sent.parent_id == request.span_id
    assert {waited.parent_id, processed.parent_id} == {sent.span_id}
    assert {each.parent_id for each in (model, *stored, started, ended)} == {processed.span_id}
    assert (request.service, sent.service, processed.service) == ("evoke-api", "evoke-api", "evoke-sidecar")
    kinds = [each.kind for each in (request, sent, waited, processed, model, *stored, ended)]
    assert kinds == ["server", "producer", "internal", "consumer", "client", "client", "client", "producer"]
    assert processed.links == [(trace_id, sent.span_id)]
    assert {each.attributes["evoke.job.id"] for each in (sent, waited, processed, ended)} == {job_id}
    assert ended.attributes["evoke.event"] == "Succeeded"
    assert processed.attributes["evoke.outcome"] == "succeeded"
    assert request.attributes["http.response.status_code"] == 200
    sizes = {
        each.attributes["evoke.artifact.name"]: each.attributes["evoke.artifact.size"] for each in stored
    }
    assert sizes == {"text.txt": 0, "large.bin": 5000}
    assert not any(span.failed for each in spans.values() for span in each)
    assert waited.end_ns <= processed.start_ns <= model.start_ns <= model.end_ns <= ended.start_ns
    assert collector.paths == {"/v1/traces"}


def test_the_steps_of_a_model_are_told_with_its_run(world: World, collector: Collector) -> None:
    trace_id, _ = submitted(world, {"behaviour": "work", "seconds": 0.2})
    (model,) = trace_of(collector, trace_id)["evoke.model.v1.Model/Generate"]
    steps = [attributes["step"] for name, attributes in model.events if name == "step"]
    assert steps
    assert steps == sorted(steps)


def test_the_trace_of_the_caller_goes_on(world: World, collector: Collector) -> None:
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    found, _ = submitted(world, {"behaviour": "echo"}, f"00-{trace_id}-{span_id}-01")
    assert found == trace_id
    (request,) = trace_of(collector, trace_id)["POST /v1/jobs"]
    assert request.parent_id == span_id


def test_what_the_caller_does_not_trace_is_not_traced(world: World, collector: Collector) -> None:
    quiet, _ = submitted(
        world, {"behaviour": "echo"}, f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    )
    told, _ = submitted(world, {"behaviour": "echo"})
    trace_of(collector, told)
    assert collector.of(quiet) == []


def test_every_attempt_of_a_failing_job_is_in_its_trace(world: World, collector: Collector) -> None:
    trace_id, _ = submitted(world, {"behaviour": "fail", "error": "model_error"})
    ended = f"process requested_{QUEUE}"
    eventually(
        lambda: len([s for s in collector.of(trace_id) if s.name == ended]) == 3, "all attempts are told"
    )
    attempts = [span for span in collector.of(trace_id) if span.name == ended]
    assert [span.attributes["evoke.outcome"] for span in attempts] == ["retried", "retried", "failed"]
    assert {span.attributes["error.type"] for span in attempts} == {"model_error"}
    assert all(span.failed for span in attempts)
    waits = [span for span in collector.of(trace_id) if span.name == f"wait {QUEUE}"]
    assert [span.attributes["evoke.attempt"] for span in waits] == [1, 2, 3]
    assert all(wait.start_ns > before.start_ns for wait, before in zip(waits[1:], attempts, strict=False))


def test_a_replay_is_a_trace_of_its_own_that_names_the_first(world: World, collector: Collector) -> None:
    first, job_id = submitted(world, {"behaviour": "fail"})
    letters = httpx.get(f"{world.url}/v1/dlq", timeout=30).json()["items"]
    (letter,) = (each for each in letters if each["job_id"] == job_id)
    answer = httpx.post(f"{world.url}/v1/dlq/{letter['id']}/replay", timeout=30)
    assert answer.is_success, answer.text
    again = answer.headers["traceparent"].split("-")[1]
    (sent,) = trace_of_replay(collector, again)
    assert again != first
    assert sent.links == [(first, collector.named(first, f"send requested_{QUEUE}").span_id)]


def trace_of_replay(collector: Collector, trace_id: str) -> list[Collected]:
    def found() -> list[Collected]:
        return [span for span in collector.of(trace_id) if span.name == f"send requested_{QUEUE}"]

    eventually(found, "the replay is told")
    return found()


def test_a_commit_of_the_archive_is_linked_to_what_it_holds(world: World, collector: Collector) -> None:
    trace_id, _ = submitted(world, {"behaviour": "echo"})

    def links() -> set[str]:
        commits = [span for span in list(collector.spans) if span.name == "process archive"]
        return {linked for commit in commits for linked, _ in commit.links}

    eventually(lambda: trace_id in links(), "the commit is told")


def test_lines_of_the_log_name_the_trace(world: World, collector: Collector) -> None:
    trace_id, job_id = submitted(world, {"behaviour": "fail"})
    lines = [line for line in world.sidecar.output.splitlines() if job_id in line]
    assert lines
    assert all(trace_id in line for line in lines)


def test_a_collector_that_is_away_holds_up_neither_jobs_nor_the_end(tmp_path: Path) -> None:
    with running_world(tmp_path, EVOKE_OTLP_ENDPOINT="http://127.0.0.1:9") as world:
        for _ in range(3):
            submitted(world, {"behaviour": "echo"})
        assert [process.stop() for process in world.processes] == [0, 0, 0, 0]
