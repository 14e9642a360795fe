"""An answer becomes what the gate learns from it: the feedback that ``gate_report`` in ``gate.lua`` takes."""

from hashlib import sha256
from typing import Literal, NotRequired, TypedDict

from notifier.gate.gate import microseconds
from notifier.outcome import (
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

BUCKET_DIGITS = 16
"""Ours: what is stored of a bucket's name, which is anything that a server sent. It is only compared."""

Health = Literal["success", "failure", "neutral", "unmade"]
"""``unmade``: Discord never saw the request; it is given back."""


class Headers(TypedDict):
    """The bucket as the headers of an answer give it, and what its name hashes to. Times in microseconds."""

    limit: int
    remaining: int
    reset_after: int
    reset_at: NotRequired[int]
    bucket: NotRequired[str]


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
    """Of Discord's edge: a ban is its failure, any answer in Discord's own words came through it."""
    match answer.outcome:
        case Deferred(scope=Scope.EDGE):
            return "failure"
        case Delivered() | Rejected() | Deferred(scope=Scope.WEBHOOK | Scope.CHANNEL | Scope.GLOBAL):
            return "neutral" if answer.http_status is None else "success"
    return "neutral"  # anything between here and Discord may have said so


def _headers(rate_limit: RateLimitInfo) -> Headers:
    headers: Headers = {
        "limit": rate_limit.limit,
        "remaining": rate_limit.remaining,
        "reset_after": microseconds(rate_limit.reset_after_seconds),
    }
    if rate_limit.reset_at_seconds is not None:
        headers["reset_at"] = microseconds(rate_limit.reset_at_seconds)
    if rate_limit.bucket is not None:
        headers["bucket"] = sha256(rate_limit.bucket.encode()).hexdigest()[:BUCKET_DIGITS]
    return headers
