"""What evoke aims at, and the recording rules and burn-rate alerts that follow from it.

The alerts are those of the SRE workbook (multi-window, multi-burn-rate): a page when 2 % of a month's budget burns in
an hour or 5 % in six, a ticket when it burns at a rate that would use it up; a short window beside each long one ends
the alert soon after its cause has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WINDOWS = ("5m", "30m", "1h", "6h", "3d")
FAST = ((14.4, "1h", "5m"), (6.0, "6h", "30m"))
SLOW = (1.0, "3d", "6h")

_SUBMIT = 'method="POST",route=~"/v1/jobs|/images|/diagnosis"'
_ENDED = 'error!="invalid_input"'


@dataclass(frozen=True)
class Objective:
    """A share of events that must be good.

    name: of the ratio of bad events in the recording rules. alert: beginning of the alerts' names. percent: share that
    must be good. bad, all: PromQL of rates, with `WINDOW` for the window. by: labels that are kept apart.
    """

    name: str
    alert: str
    runbook: str
    percent: float
    said: str
    bad: str
    all: str
    by: tuple[str, ...] = ()

    @property
    def budget(self) -> float:
        """Share of events that may be bad."""
        return round(1 - self.percent / 100, 6)

    def ratio(self, window: str) -> str:
        """PromQL: the share of bad events within a window."""
        summed = f"sum by ({', '.join(self.by)})" if self.by else "sum"
        return " / ".join(f"{summed} ({rate.replace('WINDOW', window)})" for rate in (self.bad, self.all))

    def recorded(self, window: str) -> str:
        """Name under which that share is recorded."""
        return f"evoke:{self.name}:ratio_rate{window}"


OBJECTIVES = (
    Objective(
        name="submit_errors",
        alert="EvokeSubmitErrors",
        runbook="submit-errors",
        percent=99.9,
        said="of submits are answered without an error of ours (5xx)",
        bad=f'rate(evoke_api_requests_total{{{_SUBMIT},status="5xx"}}[WINDOW])',
        all=f"rate(evoke_api_requests_total{{{_SUBMIT}}}[WINDOW])",
    ),
    Objective(
        name="late_starts",
        alert="EvokeLateStarts",
        runbook="late-starts",
        percent=95,
        said="of a queue's jobs start within 30 s",
        bad="rate(evoke_queue_seconds_count[WINDOW]) "
        '- ignoring (le) rate(evoke_queue_seconds_bucket{le="30.0"}[WINDOW])',
        all="rate(evoke_queue_seconds_count[WINDOW])",
        by=("queue",),
    ),
    Objective(
        name="failed_jobs",
        alert="EvokeFailedJobs",
        runbook="failed-jobs",
        percent=99,
        said="of a queue's jobs that end by themselves, and whose input was not to blame, succeed",
        bad=f'rate(evoke_jobs_ended_total{{status="failed",{_ENDED}}}[WINDOW])',
        all=f"rate(evoke_jobs_ended_total{{{_ENDED}}}[WINDOW])",
        by=("queue",),
    ),
)


def rules() -> dict[str, Any]:
    """The content of `rules/objectives.yaml`."""
    return {
        "groups": [
            {
                "name": f"evoke-{objective.name.replace('_', '-')}",
                "rules": [
                    *(
                        {"record": objective.recorded(window), "expr": objective.ratio(window)}
                        for window in WINDOWS
                    ),
                    _fast(objective),
                    _slow(objective),
                ],
            }
            for objective in OBJECTIVES
        ]
    }


def _fast(objective: Objective) -> dict[str, Any]:
    burning = " or ".join(f"({_burning(objective, *each)})" for each in FAST)
    return _alert(
        objective, "Fast", burning, "2m", "page", "so fast that a month's budget is gone within days"
    )


def _slow(objective: Objective) -> dict[str, Any]:
    return _alert(
        objective, "Slow", _burning(objective, *SLOW), "1h", "ticket", "faster than a month's budget allows"
    )


def _burning(objective: Objective, factor: float, long: str, short: str) -> str:
    bound = f"{factor * objective.budget:g}"
    return f"{objective.recorded(long)} > {bound} and {objective.recorded(short)} > {bound}"


def _alert(  # noqa: PLR0913, PLR0917  # what an alert consists of
    objective: Objective, kind: str, expression: str, wait: str, severity: str, how: str
) -> dict[str, Any]:
    where = " of queue {{ $labels.queue }}" if objective.by else ""
    return {
        "alert": f"{objective.alert}{kind}",
        "expr": expression,
        "for": wait,
        "labels": {"severity": severity, "objective": objective.name},
        "annotations": {
            "summary": f"{objective.percent:g} % {objective.said}: the rest{where} is used up {how}.",
            "runbook_url": f"docs/runbooks/{objective.runbook}.md",
        },
    }
