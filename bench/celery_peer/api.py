"""The peer's REST API: submit, submit and wait, look up."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from bench.celery_peer.tasks import app as celery
from bench.celery_peer.tasks import noop

app = FastAPI()


class Submission(BaseModel):
    """The same body that evoke's door takes."""

    model: str
    input: dict[str, Any]


@app.post("/jobs", status_code=202)
def submit(body: Submission) -> dict[str, str]:
    """Queue the task and answer with its id."""
    return {"id": noop.delay(body.input).id, "status": "queued"}


@app.post("/jobs/wait")
def submit_and_wait(body: Submission) -> dict[str, Any]:
    """Queue the task and answer with its result."""
    result = noop.delay(body.input)
    return {"id": result.id, "status": "succeeded", "result": result.get(timeout=30)}


@app.get("/jobs/{job_id}")
def look_up(job_id: str) -> dict[str, Any]:
    """Answer with the task's state."""
    result = celery.AsyncResult(job_id)
    return {"id": job_id, "status": result.state}
