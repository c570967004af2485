"""Completes models' names in the shell by asking the API, quickly or not at all."""

from __future__ import annotations

import json
import os
import urllib.request

PATIENCE_S = 0.7


def complete_model(incomplete: str) -> list[tuple[str, str]]:
    """The models whose id begins so, each with its title; none when no API answers in time."""
    url = os.environ.get("EVOKE_URL", "http://localhost:8000").rstrip("/")
    if not url.startswith(("http://", "https://")):
        return []
    request = urllib.request.Request(f"{url}/v1/models", headers=_authorization())  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            models = json.load(answer)["items"]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    return [(model["id"], model.get("title", "")) for model in models if model["id"].startswith(incomplete)]


def _authorization() -> dict[str, str]:
    key = os.environ.get("EVOKE_API_KEY")
    return {"authorization": f"Bearer {key}"} if key else {}
