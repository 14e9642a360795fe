"""An answer becomes what the gate learns from it: ``gate_report`` in ``gate.lua`` takes it."""

from typing import Any

from notifier.gate.gate import microseconds
from notifier.outcome import Answer, Deferred, Delivered, Failed, Outcome, Reason, Rejected, Scope, Unknown

QUARANTINING = frozenset({Reason.WEBHOOK_UNKNOWN, Reason.WEBHOOK_TOKEN_INVALID})


def _health(outcome: Outcome) -> str:
    """429 and 4xx say nothing about Discord's health: they are neutral."""
    match outcome:
        case Delivered():
            return "success"
        case Failed() | Unknown():
            return "failure"
        case Deferred() | Rejected():
            return "neutral"


def _edge_health(answer: Answer) -> str:
    if isinstance(answer.outcome, Deferred) and answer.outcome.scope is Scope.EDGE:
        return "failure"
    return "neutral" if answer.http_status is None else "success"


def feedback_of(answer: Answer, claimed_at: int) -> dict[str, Any]:
    """What ``gate_report`` in ``gate.lua`` takes."""
    feedback: dict[str, Any] = {
        "claimed_at": claimed_at,
        "health": _health(answer.outcome),
        "edge": _edge_health(answer),
    }
    if answer.rate_limit:
        feedback["learned"] = {
            "limit": answer.rate_limit.limit,
            "remaining": answer.rate_limit.remaining,
            "reset_after": microseconds(answer.rate_limit.reset_after_seconds),
        }
        if answer.rate_limit.reset_at_seconds is not None:
            feedback["learned"]["reset_at"] = microseconds(answer.rate_limit.reset_at_seconds)
    match answer.outcome:
        case Deferred(wait_seconds, reason, scope):
            feedback["pause"] = {"scope": scope, "wait": microseconds(wait_seconds), "reason": reason}
        case Rejected(reason) if reason in QUARANTINING:
            feedback["quarantine"] = reason
    return feedback
