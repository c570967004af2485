"""A running evoke, as its users reach it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

import httpx

TERMINAL = ("succeeded", "failed", "cancelled")
POLL_S = 0.2
_Found = TypeVar("_Found")


class Evoke:
    """HTTP to one evoke. patience_s: longest wait for anything that takes a while."""

    def __init__(self, url: str, key: str | None, patience_s: float) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60, follow_redirects=True)
        self._patience_s = patience_s

    def __enter__(self) -> Evoke:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def answers(self) -> bool:
        """Whether it is ready within the patience."""

        def ready() -> bool:
            try:
                return self.http.get("/readyz").status_code == 200
            except httpx.HTTPError:
                return False

        try:
            return self.eventually(ready, "it is ready")
        except AssertionError:
            return False

    def eventually(self, look: Callable[[], _Found], what: str) -> _Found:
        """Return the first true thing that `look` finds; fails when the patience is over."""
        end = time.monotonic() + self._patience_s
        while not (found := look()):
            assert time.monotonic() < end, f"not within {self._patience_s:g} s: {what}"
            time.sleep(POLL_S)
        return found

    def submit(self, model: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Submit a job; returns it as it was accepted."""
        answer = self.http.post("/v1/jobs", json={"model": model, "input": value, **more})
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        """A job as it is now."""
        answer = self.http.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def ended(self, job_id: str) -> dict[str, Any]:
        """Poll until a job has ended."""

        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in TERMINAL else None

        found = self.eventually(look, f"job {job_id} ends")
        assert found is not None
        return found

    def succeeded(self, model: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Submit a job and wait for its success."""
        job = self.ended(self.submit(model, value, **more)["id"])
        assert job["status"] == "succeeded", job
        return job

    def bytes_of(self, artifact: dict[str, Any]) -> bytes:
        """An artifact's bytes."""
        answer = self.http.get(artifact["url"])
        assert answer.status_code == 200, answer.text
        return answer.content

    def serves(self, model: str) -> bool:
        """Whether the catalogue has a model of that id."""
        return self.http.get(f"/v1/models/{model}").status_code == 200

    def rows(self, sql: str) -> list[list[Any]]:
        """What SQL says."""
        answer = self.http.post("/v1/query", json={"sql": sql})
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows
