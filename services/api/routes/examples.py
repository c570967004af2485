"""Examples that the document shows. They are answers of this API, shortened."""

from __future__ import annotations

from typing import Any

ID = "019a5e2c-7b1e-7c3a-9f4e-2b8d6a1c0e5f"
_BASE = f"/v1/jobs/{ID}"
PROMPT = "a red circle to the left of a blue square on a yellow background"

SUBMISSION: dict[str, Any] = {
    "model": "shapes-64",
    "input": {"prompt": PROMPT, "seed": 7, "steps": 20},
    "metadata": {"grouping": "first-tries"},
}
ARTIFACT: dict[str, Any] = {
    "name": "0.png",
    "media_type": "image/png",
    "size_bytes": 5120,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "url": f"{_BASE}/artifacts/0",
    "details": {"width": 64, "height": 64},
}
JOB: dict[str, Any] = {
    "id": ID,
    "status": "succeeded",
    "model": "shapes-64",
    "queue": "txt2img_generation",
    "lane": "interactive",
    "priority": 0,
    "input": {"prompt": PROMPT, "seed": 7, "steps": 20, "width": 64, "height": 64, "batch_size": 1},
    "metadata": {"grouping": "first-tries"},
    "created_at": "2026-01-31T12:00:00.000Z",
    "started_at": "2026-01-31T12:00:00.012Z",
    "finished_at": "2026-01-31T12:00:01.240Z",
    "attempts": 1,
    "seed": 7,
    "result": {},
    "timings_ms": {"model": 1180.0, "store": 4.2},
    "artifacts": [ARTIFACT],
    "error": None,
    "replay_of": None,
    "superseded_by": None,
    "position": "Y29tcGxldGVkX3R4dDJpbWdfZ2VuZXJhdGlvbgo0Mg",
    "queue_position": None,
    "urls": {
        "self": _BASE,
        "events": f"{_BASE}/events",
        "cancel": f"{_BASE}/cancel",
        "artifacts": f"{_BASE}/artifacts",
    },
}
