"""From a request to its operation, and from an error to its answer."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Mapping

import msgspec

from evoke.domain.errors import EvokeError
from evoke.telemetry import log_context
from services.api.context import Context
from services.api.exchange import AnyReply, Exchange, Reply, Scope
from services.api.operations import Operation
from services.api.parameters import refuse_unknown
from services.api.problems import Headers, Refusal, headers_of, problem_of

_log = logging.getLogger(__name__)
PROBLEM = b"application/problem+json"


class _Path:
    """All methods of one path template."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)))
        self.operations: dict[str, Operation] = {}

    def operation(self, method: str) -> Operation:
        """The operation of a method; HEAD is GET without the body. Raises Refusal (405)."""
        found = self.operations.get("GET" if method == "HEAD" else method)
        if found is None:
            allowed = ", ".join(self._allowed())
            refusal = f"{method[:20]} is not allowed here; allowed: {allowed}"
            raise Refusal(405, "method_not_allowed", refusal, [(b"allow", allowed.encode())])
        return found

    def _allowed(self) -> list[str]:
        return sorted({*self.operations, *(["HEAD"] if "GET" in self.operations else [])})


class Dispatch:
    """Answers the requests that the table of operations knows."""

    def __init__(self, context: Context, operations: Iterable[Operation]) -> None:
        self._context = context
        self._fixed: dict[str, _Path] = {}
        self._templates: list[_Path] = []
        for operation in operations:
            self._path(operation.path).operations[operation.method] = operation

    def _path(self, template: str) -> _Path:
        known = self._fixed.get(template) or next(
            (p for p in self._templates if p.template == template), None
        )
        if known is not None:
            return known
        path = _Path(template)
        if "{" in template:
            self._templates.append(path)
        else:
            self._fixed[template] = path
        return path

    def find(self, path: str) -> tuple[_Path, Mapping[str, str]] | None:
        """The path's template and its parameters; a slash at the end makes no difference."""
        if len(path) > 1 and path.endswith("/"):
            path = path[:-1]
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        for candidate in self._templates:
            match = candidate.pattern.fullmatch(path)
            if match is not None:
                return candidate, match.groupdict()
        return None

    async def answer(
        self, path: _Path, parameters: Mapping[str, str], scope: Scope, receive: object, send: object
    ) -> None:
        """Answer one request."""
        begin = time.perf_counter()
        parent = _traceparent(scope)
        method = scope["method"] if scope["method"] in ("GET", "POST", "DELETE", "HEAD") else "other"
        exchange = Exchange(scope, receive, send, self._context.traces.begin(parent, method))
        exchange.parameters = parameters
        reply = await self._reply(path, exchange)
        try:
            await exchange.answer(reply)
        finally:
            duration_s = time.perf_counter() - begin
            trace = exchange.traceparent
            told = trace[3:35] if trace.endswith("1") else None
            self._context.metrics.answered(path.template, method, reply.status, duration_s, told)
            self._context.traces.answered(trace, parent, path.template, method, reply.status, duration_s)

    async def _reply(self, path: _Path, exchange: Exchange) -> AnyReply:
        try:
            operation = path.operation(exchange.method)
            if operation.scope is not None:
                exchange.principal = self._context.authentication.principal(exchange, operation.scope)
                if exchange.scope["query_string"]:
                    refuse_unknown(exchange, operation)
            return await operation.handler(exchange)
        except EvokeError as error:
            asked_whether_ready = path.template == "/readyz"  # then "no" is an answer, and no news to the log
            return problem_reply(error, logging.DEBUG if asked_whether_ready else logging.WARNING)
        except Exception:
            with log_context(trace_id=exchange.traceparent[3:35]):
                _log.exception(
                    "a request failed", extra={"route": path.template, "method": exchange.method[:20]}
                )
            return problem_reply(EvokeError("something went wrong here; the request id finds it in the logs"))


def problem_reply(error: EvokeError, level: int = logging.WARNING) -> Reply:
    """The answer that an error gets. level: how the log takes errors of our own making (5xx)."""
    problem = problem_of(error)
    headers: Headers = headers_of(error)
    if problem.status >= 500:
        _log.log(level, "%s", error, extra={"status": problem.status, "code": problem.code})
    return Reply(problem.status, msgspec.json.encode(problem), PROBLEM, headers)


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            text: str = value.decode("latin-1")
            return text
    return None
