"""Load as users make it: submits with polling, streams of events, bursts; with a budget that can be broken.

`locust -f load_test.py --headless --users 20 --spawn-rate 5 --run-time 60s --host http://localhost:8000`
"""

from __future__ import annotations

import json
import random
import time
from typing import Any

from locust import HttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

SUBMIT, POLL, STREAM, JOB = "submit", "poll", "events", "job, from submit to end"
TERMINAL = ("succeeded", "failed", "cancelled")
POLL_S = 0.5
LONGEST_JOB_S = 300.0
BURST = 20


def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--model", default="factorial", help="model to submit to")
    parser.add_argument("--input", default='{"no": 2000}', help="its input, as JSON")
    parser.add_argument("--api-key", default="", env_var="API_KEY", help="where keys are asked for")
    parser.add_argument("--budget-failures", type=float, default=0.0, help="share of requests that may fail")
    parser.add_argument("--budget-submit-ms", type=float, default=500.0, help="95th percentile of a submit")
    parser.add_argument("--budget-job-s", type=float, default=30.0, help="95th percentile of submit to end")


class _User(HttpUser):
    abstract = True

    def on_start(self) -> None:
        options = self.environment.parsed_options
        self._body = {"model": options.model, "input": json.loads(options.input)}
        if options.api_key:
            self.client.headers["authorization"] = f"Bearer {options.api_key}"

    def submit(self) -> dict[str, Any] | None:
        """Submit a job; None when it was refused (which counts as a failure, but for 429)."""
        with self.client.post("/v1/jobs", json=self._body, name=SUBMIT, catch_response=True) as answer:
            if answer.status_code == 429:
                answer.success()  # it says when to come back, and means it
                time.sleep(float(answer.headers.get("retry-after", "1")))
                return None
            if answer.status_code != 202:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                return None
            job: dict[str, Any] = answer.json()
            return job

    def told(self, began: float, status: str) -> None:
        """Count a job that has ended, or did not in time."""
        error = None if status == "succeeded" else RuntimeError(f"the job is {status}")
        self.environment.events.request.fire(
            request_type="JOB",
            name=JOB,
            response_time=(time.monotonic() - began) * 1000,
            response_length=0,
            exception=error,
        )

    def poll(self, job_id: str, began: float) -> None:
        """Look every now and then until the job has ended."""
        while time.monotonic() - began < LONGEST_JOB_S:
            answer = self.client.get(f"/v1/jobs/{job_id}", name=POLL)
            if answer.ok and answer.json()["status"] in TERMINAL:
                self.told(began, answer.json()["status"])
                return
            time.sleep(POLL_S * random.uniform(0.8, 1.2))
        self.told(began, "late")


class Poller(_User):
    """Submits, and looks until it is done."""

    weight = 6
    wait_time = between(0.5, 2)

    @task
    def job(self) -> None:
        began = time.monotonic()
        job = self.submit()
        if job is not None:
            self.poll(job["id"], began)


class Watcher(_User):
    """Submits, and follows the events."""

    weight = 3
    wait_time = between(0.5, 2)

    @task
    def job(self) -> None:
        began = time.monotonic()
        job = self.submit()
        if job is None:
            return
        last = "late"
        path = f"/v1/jobs/{job['id']}/events"
        with self.client.get(
            path, name=STREAM, stream=True, catch_response=True, timeout=LONGEST_JOB_S
        ) as stream:
            for line in stream.iter_lines() if stream.ok else ():
                if line.startswith(b"event: "):
                    last = line.removeprefix(b"event: ").decode()
        self.told(began, last)


class Burster(_User):
    """Submits many at once and comes back for all of them."""

    weight = 1
    wait_time = between(5, 15)

    @task
    def burst(self) -> None:
        began = time.monotonic()
        jobs = [job for job in (self.submit() for _ in range(BURST)) if job is not None]
        for job in jobs:
            self.poll(job["id"], began)


def _check(environment: Environment, **_: object) -> None:
    """Print the budget beside what was seen; a broken one is an exit code of 1."""
    options, stats = environment.parsed_options, environment.stats
    if options is None or options.worker:
        return
    broken = (
        sum(each["count"] for each in environment.runner.exceptions.values()) if environment.runner else 0
    )
    rows = [
        ("errors of this file", broken, 0, ""),
        ("failed requests", stats.total.fail_ratio, options.budget_failures, ""),
        ("submit, p95", _p95(stats.get(SUBMIT, "POST")), options.budget_submit_ms, "ms"),
        ("submit to end, p95", _p95(stats.get(JOB, "JOB")) / 1000, options.budget_job_s, "s"),
    ]
    print(f"\n{'budget':<22}{'seen':>12}{'allowed':>12}")
    for name, seen, allowed, unit in rows:
        print(f"{name:<22}{seen:>12.4g}{allowed:>12.4g} {unit}{'' if seen <= allowed else '   BROKEN'}")
    nothing = stats.get(JOB, "JOB").num_requests == 0
    if nothing:
        print("no job ended: nothing was seen")
    if nothing or any(seen > allowed for _, seen, allowed, _ in rows):
        environment.process_exit_code = 1


def _p95(entry: Any) -> float:
    return float(entry.get_response_time_percentile(0.95) or 0.0)


_hooks: Any = events  # locust tells no types of them
_hooks.init_command_line_parser.add_listener(_options)
_hooks.quitting.add_listener(_check)
