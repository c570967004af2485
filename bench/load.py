"""Load by `wrk` (64 connections, one thread): a client that is not the bottleneck."""

from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

_POST = """
wrk.method = "POST"
wrk.body = {body}
wrk.headers["Content-Type"] = "application/json"
{done}
"""
_GET = """
local paths = {paths}
local i = 0
request = function()
  i = i % #paths + 1
  return wrk.format("GET", paths[i])
end
{done}
"""
_DONE = """
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %f %f\\n", summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


class Load(msgspec.Struct, frozen=True):
    """What a load run saw: requests answered, of them errors, seconds, latencies in milliseconds."""

    requests: int
    errors: int
    duration_s: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Successful answers per second."""
        return (self.requests - self.errors) / self.duration_s


def post(url: str, body: object, *, connections: int = 64, duration_s: int = 10) -> Load:
    """POST the same JSON body over and over."""
    script = _POST.format(body=json.dumps(json.dumps(body)), done=_DONE)
    return _wrk(script, url, connections, duration_s)


def get(base: str, paths: Sequence[str], *, connections: int = 64, duration_s: int = 10) -> Load:
    """GET the paths in turn."""
    listed = "{" + ",".join(json.dumps(path) for path in paths) + "}"
    return _wrk(_GET.format(paths=listed, done=_DONE), base, connections, duration_s)


def cpu_seconds() -> float:
    """CPU time that all load until now has used, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wrk(script: str, url: str, connections: int, duration_s: int) -> Load:
    if shutil.which("wrk") is None:
        raise SystemExit("the benchmark needs wrk (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "load.lua"
        path.write_text(script, encoding="utf-8")
        output = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{duration_s}s", "--timeout", "10s", "-s", str(path), url],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\S+) (\S+)", output)
    if found is None:
        raise RuntimeError(f"wrk printed no result:\n{output}")
    return Load(int(found[1]), int(found[2]), int(found[3]) / 1e6, float(found[4]), float(found[5]))
