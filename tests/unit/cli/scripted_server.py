"""An HTTP server that answers by a script and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """One answer; `broken` promises more bytes than it sends and drops the connection."""

    body: bytes = b""
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class ScriptedServer:
    """Answers each path's requests one after another; the last answer of a path is repeated."""

    url: str
    script: dict[str, list[Answer]]
    asked: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        """The next answer for a request."""
        self.asked.append(asked)
        answers = self.script.get(asked.path.partition("?")[0])
        if not answers:
            return problem(404, "not_found", f"nothing is at {asked.path}")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def asked_for(self, path: str) -> list[Asked]:
        """The requests of one path, in order."""
        return [asked for asked in self.asked if asked.path.partition("?")[0] == path]


def document(value: object, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(json.dumps(value).encode(), status)


def problem(
    status: int,
    code: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    retry_after: str | None = None,
) -> Answer:
    """An answer in problem details (RFC 9457)."""
    body = {"type": f"/problems/{code}", "title": code, "status": status, "detail": detail, "code": code}
    body |= {"errors": errors} if errors else {}
    return Answer(
        json.dumps(body).encode(),
        status,
        "application/problem+json",
        {"retry-after": retry_after} if retry_after else {},
    )


def stream(*events: tuple[str, str | None, object], broken: bool = False) -> Answer:
    """An event stream of (name, id, data)."""
    lines = []
    for name, event_id, data in events:
        lines += [
            f"event: {name}",
            *([f"id: {event_id}"] if event_id else []),
            f"data: {json.dumps(data)}",
            "",
        ]
    return Answer(
        "".join(f"{line}\n" for line in lines).encode(), media_type="text/event-stream", broken=broken
    )


@contextmanager
def scripted_server(script: dict[str, list[Answer]]) -> Iterator[ScriptedServer]:
    """A server on a free port of the loopback interface."""
    made: list[ScriptedServer] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(length))
            answer = made[0].answer(asked)
            self.send_response_only(answer.status)
            self.send_header("date", answer.headers.get("date", self.date_time_string()))
            self.send_header("content-type", answer.media_type)
            self.send_header("content-length", str(len(answer.body) + (100 if answer.broken else 0)))
            for name in answer.headers.keys() - {"date"}:
                self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = answer.broken

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815  # the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.append(ScriptedServer(f"http://127.0.0.1:{server.server_port}", script))
    thread = threading.Thread(target=_serving(server))
    thread.start()
    try:
        yield made[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _serving(server: ThreadingHTTPServer) -> Callable[[], None]:
    return lambda: server.serve_forever(poll_interval=0.02)
