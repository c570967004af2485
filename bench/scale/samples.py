"""Events as a job of an image model makes them, to measure their sizes by the codec."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import Any

from evoke.codec import encode, properties
from evoke.domain.events import AnyEvent, Artifact, AttemptStarted, Requested, Succeeded
from evoke.domain.ids import uuid7

_TEXT = (
    "red circle to the left of blue square on a yellow background with soft light in the style of old "
    "photographs, detailed, sharp focus, portrait, mountain, river, evening"
)
_TIME_MS = 1_790_000_000_000
_FRAMING = 6
_SOURCE = "/workers/txt2img-7c9f8d6b5-x0001-1-abcdef"


def life(chance: random.Random, number: int) -> Sequence[AnyEvent]:
    """The three events of a job that goes well: an image of 25 words, with a key and a trace."""
    time_ms = _TIME_MS + 100 * number
    job_id, attempt_id = uuid7(time_ms, chance.randbytes(10)), uuid7(time_ms + 500, chance.randbytes(10))
    tenant, seed = f"tenant-{chance.randrange(50)}", chance.randrange(2**32)
    about: dict[str, Any] = {
        "job_id": job_id,
        "tenant": tenant,
        "queue": "txt2img_generation",
        "model": "sdxl-base",
    }
    asked = {
        "negative_prompt": "blurry, low quality",
        "seed": seed,
        "sampler_name": "euler_a",
        "steps": 30,
        "cfg_scale": 7.0,
        "width": 1024,
        "height": 1024,
        "batch_size": 1,
        "n_iters": 1,
        "format": "png",
        "prompt": " ".join(chance.choices(_TEXT.split(), k=25)),
    }
    picture = Artifact(
        name="0.png",
        media_type="image/png",
        size_bytes=1_400_000 + chance.randrange(100_000),
        sha256=chance.randbytes(32).hex(),
        key=f"{tenant}/{job_id}/{attempt_id}/0.png",
        details={"width": 1024, "height": 1024},
    )
    return (
        Requested(
            **about,
            time_ms=time_ms,
            input=asked,
            metadata={"grouping": f"campaign-{chance.randrange(20)}"},
            idempotency_key=str(uuid.UUID(bytes=chance.randbytes(16))),
            body_digest=chance.randbytes(32).hex(),
            traceparent=f"00-{chance.randbytes(16).hex()}-{chance.randbytes(8).hex()}-01",
            deadline_s=300.0,
        ),
        AttemptStarted(
            **about,
            time_ms=time_ms + 800,
            attempt_id=attempt_id,
            worker=f"txt2img-7c9f8d6b5-x0001-1-{chance.randbytes(3).hex()}",
        ),
        Succeeded(
            **about,
            time_ms=time_ms + 5800,
            attempt_id=attempt_id,
            seed=seed,
            artifacts=(picture,),
            timings_ms={
                "model": 4900 + 100 * chance.random(),
                "store": 41.5,
                "sidecar": 83.1,
                "queue": 800.2,
            },
        ),
    )


def sizes(jobs: int, seed: int) -> tuple[Sequence[float], float]:
    """Mean payload bytes of each of the three events, and mean bytes of an event's properties."""
    chance = random.Random(seed)
    payloads, beside = [0, 0, 0], 0
    for number in range(jobs):
        events = life(chance, number)
        trace = getattr(events[0], "traceparent", None)
        for index, event in enumerate(events):
            payloads[index] += len(encode(event))
            told = properties(event, _SOURCE, event.job_id, trace)
            beside += sum(len(name) + len(text) + _FRAMING for name, text in told.items())
    return [size / jobs for size in payloads], beside / (3 * jobs)
