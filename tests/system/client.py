"""A client that notes what it was promised, as a user would see it."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})


class Client:
    """HTTP client of one API; safe to use from several threads."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._http = httpx.Client(base_url=base_url, timeout=30)
        self._lock = threading.Lock()
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.uncertain = 0
        self.broken_promises: list[str] = []
        self._last_seen: dict[str, str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self, model: str, value: dict[str, Any], **headers: str) -> str | None:
        """Submit a job; returns its id, or None when it was refused for now or nobody knows."""
        body = {"model": model, "input": value}
        try:
            answer = self._http.post("/v1/jobs", json=body, headers=headers)
        except httpx.HTTPError:
            with self._lock:
                self.uncertain += 1
            return None
        if answer.status_code in (429, 503, 507):
            return None
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
        with self._lock:
            self.acknowledged[job_id] = value
        return job_id

    def submit_until_accepted(self, model: str, value: dict[str, Any], deadline_s: float = 120.0) -> str:
        """Submit again and again until a submit is acknowledged."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            job_id = self.submit(model, value)
            if job_id is not None:
                return job_id
            time.sleep(0.05)
        raise AssertionError(f"no submit was accepted within {deadline_s} s")

    def job(self, job_id: str) -> dict[str, Any] | None:
        """Look a job up; None while the API does not answer. Notes a 404 and a status that went back from its end."""
        try:
            answer = self._http.get(f"/v1/jobs/{job_id}")
        except httpx.HTTPError:
            return None
        if answer.status_code == 503:
            return None
        if answer.status_code != 200:
            self._note(f"{job_id}: {answer.status_code} after an acknowledgement")
            return None
        job: dict[str, Any] = answer.json()
        before = self._last_seen.get(job_id)
        if before in TERMINAL and job["status"] != before:
            self._note(f"{job_id}: {job['status']} after {before}")
        self._last_seen[job_id] = job["status"]
        return job

    def wait(self, job_id: str, deadline_s: float = 120.0) -> dict[str, Any]:
        """Poll until the job is at its end; fails at the deadline."""
        end = time.monotonic() + deadline_s
        job = None
        while time.monotonic() < end:
            job = self.job(job_id)
            if job is not None and job["status"] in TERMINAL:
                return job
            time.sleep(0.05)
        raise AssertionError(f"{job_id} did not end within {deadline_s} s: {job}")

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job and return what the API says of it."""
        answer = self._http.post(f"/v1/jobs/{job_id}/cancel")
        assert answer.status_code in (200, 202), answer.text
        job: dict[str, Any] = answer.json()
        return job

    def get(self, path: str, **params: str | int) -> httpx.Response:
        """GET a path."""
        return self._http.get(path, params=params)

    def post(self, path: str, body: object = None) -> httpx.Response:
        """POST JSON to a path."""
        return self._http.post(path, json=body)

    def _note(self, what: str) -> None:
        with self._lock:
            self.broken_promises.append(what)
