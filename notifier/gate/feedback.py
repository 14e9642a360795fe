"""An answer becomes what the gate learns from it: the feedback that ``gate_report`` in ``gate.lua`` takes."""

from typing import Literal, NotRequired, TypedDict

from notifier.gate.gate import microseconds
from notifier.outcome import (
    FROM_ELSEWHERE,
    QUARANTINING,
    Answer,
    Deferred,
    Delivered,
    Failed,
    Outcome,
    RateLimitInfo,
    Reason,
    Rejected,
    Scope,
    Unknown,
)

Health = Literal["success", "failure", "neutral", "unmade"]
"""``unmade``: Discord never saw the request; it is given back."""


class Headers(TypedDict):
    """The bucket as the headers of an answer give it. Times in microseconds; ``reset_at`` by Discord's clock."""

    limit: int
    remaining: int
    reset_after: int
    reset_at: NotRequired[int]


class Pause(TypedDict):
    """What a 429 or a ban asks for: ``wait`` in microseconds, for everything in ``scope``."""

    scope: Scope
    wait: int
    reason: Reason


class Feedback(TypedDict):
    """What one answer teaches the gate. ``claimed_at``: microseconds since 1970, by Redis' clock."""

    claimed_at: int
    health: Health
    edge_health: Health
    headers: NotRequired[Headers]
    pause: NotRequired[Pause]
    quarantine: NotRequired[Reason]


def feedback_of(answer: Answer, claimed_at: int) -> Feedback:
    """What the gate learns from an answer. ``claimed_at``: when its request was claimed, by Redis' clock."""
    feedback: Feedback = {
        "claimed_at": claimed_at,
        "health": _health(answer.outcome),
        "edge_health": _edge_health(answer),
    }
    if answer.rate_limit:
        feedback["headers"] = _headers(answer.rate_limit)
    match answer.outcome:
        case Deferred(wait_seconds, reason, scope) if scope is not Scope.MACHINE:  # others go on
            feedback["pause"] = {"scope": scope, "wait": microseconds(wait_seconds), "reason": reason}
        case Rejected(reason) if reason in QUARANTINING:
            feedback["quarantine"] = reason
    return feedback


def _health(outcome: Outcome) -> Health:
    """Of Discord behind this webhook; 429 and 4xx say nothing about it."""
    match outcome:
        case Delivered():
            return "success"
        case Deferred(scope=Scope.MACHINE):
            return "unmade"
        case Failed() | Unknown():
            return "failure"
        case Deferred() | Rejected():
            return "neutral"


def _edge_health(answer: Answer) -> Health:
    """Of Discord's edge: a ban is its failure, any other answer of Discord's came through it."""
    if isinstance(answer.outcome, Deferred) and answer.outcome.scope is Scope.EDGE:
        return "failure"
    elsewhere = not isinstance(answer.outcome, Delivered) and answer.outcome.reason in FROM_ELSEWHERE
    return "neutral" if answer.http_status is None or elsewhere else "success"


def _headers(rate_limit: RateLimitInfo) -> Headers:
    headers: Headers = {
        "limit": rate_limit.limit,
        "remaining": rate_limit.remaining,
        "reset_after": microseconds(rate_limit.reset_after_seconds),
    }
    if rate_limit.reset_at_seconds is not None:
        headers["reset_at"] = microseconds(rate_limit.reset_at_seconds)
    return headers
