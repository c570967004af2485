"""The lines that make a job again: for a shell and for Python, ready to paste, with nothing to install."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pprint import pformat
from typing import Any

_WAIT_S = 60


def request_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """The body that makes a job again, with the seed that was used so that the same comes out."""
    given = dict(sorted(job["input"].items(), key=lambda pair: pair[0] != "prompt"))
    if job.get("seed") is not None and "seed" in given:
        given["seed"] = job["seed"]
    body: dict[str, Any] = {"model": job["model"], "input": given}
    if job.get("metadata"):
        body["metadata"] = job["metadata"]
    return body


def curl_of(origin: str, job: Mapping[str, Any], with_key: bool) -> str:
    """A command for a POSIX shell. with_key: send the key that lies in `$EVOKE_API_KEY`."""
    lines = [
        f"curl -sS {shlex.quote(origin + '/v1/jobs')}",
        "-H 'Content-Type: application/json'",
        f"-H 'Prefer: wait={_WAIT_S}'",
        *(['-H "Authorization: Bearer $EVOKE_API_KEY"'] if with_key else []),
        f"-d {shlex.quote(json.dumps(request_of(job), ensure_ascii=False))}",
    ]
    return " \\\n  ".join(lines)


def python_of(origin: str, job: Mapping[str, Any], with_key: bool) -> str:
    """A Python script, standard library only, that saves the outputs into the current folder."""
    key = '    "Authorization": "Bearer " + os.environ["EVOKE_API_KEY"],\n' if with_key else ""
    return _SCRIPT.format(
        imports="import json\nimport os" if with_key else "import json",
        origin=origin,
        body=pformat(request_of(job), width=88, sort_dicts=False),
        key=key,
        wait_s=_WAIT_S,
    )


_SCRIPT = """\
{imports}
from urllib.request import Request, urlopen

evoke = {origin!r}
body = {body}
headers = {{
    "Content-Type": "application/json",
    "Prefer": "wait={wait_s}",
{key}}}
request = Request(evoke + "/v1/jobs", json.dumps(body).encode(), headers)
job = json.load(urlopen(request))
print(job["status"], job["error"] or "")
for artifact in job["artifacts"]:
    request = Request(evoke + artifact["url"], headers=headers)
    with open(artifact["name"], "wb") as file:
        file.write(urlopen(request).read())
"""
