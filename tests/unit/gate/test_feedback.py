"""What an answer teaches the gate."""

from hashlib import sha256
from typing import Any

import pytest

from notifier.gate.feedback import feedback_of
from notifier.outcome import (
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

BANNED = Deferred(60, Reason.EDGE_BANNED, Scope.EDGE)


@pytest.mark.parametrize(
    ("outcome", "status", "health", "edge_health"),
    [
        (Delivered("1", "2"), 200, "success", "success"),
        (Failed(Reason.BAD_GATEWAY), 502, "failure", "neutral"),
        (Failed(Reason.CONNECTION_FAILED), None, "failure", "neutral"),
        (Unknown(Reason.SERVER_ERROR), 500, "failure", "neutral"),
        (Unknown(Reason.READ_TIMEOUT), None, "failure", "neutral"),
        (Deferred(1, Reason.RATE_LIMITED), 429, "neutral", "success"),
        (BANNED, 429, "neutral", "failure"),
        (Deferred(0, Reason.NO_NETWORK, Scope.MACHINE, "DNS"), None, "unmade", "neutral"),
        (Deferred(0, Reason.PROXY_FAILED, Scope.MACHINE, "407"), 407, "unmade", "neutral"),
        (Failed(Reason.UNEXPECTED_ANSWER), 404, "failure", "neutral"),
        (Failed(Reason.REDIRECTED), 302, "failure", "neutral"),
        (Unknown(Reason.UNEXPECTED_ANSWER), 200, "failure", "neutral"),
        (Failed(Reason.BAD_GATEWAY), 408, "failure", "neutral"),
        (Rejected(Reason.INVALID_PAYLOAD), 400, "neutral", "success"),
        (Rejected(Reason.UNSENDABLE), None, "neutral", "neutral"),
    ],
)
def test_health_is_that_of_whoever_answered(
    outcome: Outcome, status: int | None, health: str, edge_health: str
) -> None:
    feedback = feedback_of(Answer(outcome, None, status), 7)
    assert (feedback["claimed_at"], feedback["health"], feedback["edge_health"]) == (7, health, edge_health)


@pytest.mark.parametrize("reason", Reason)
def test_only_discords_own_words_for_a_webhook_that_is_gone_quarantine_it(reason: Reason) -> None:
    quarantined = feedback_of(Answer(Rejected(reason), None, 404), 0).get("quarantine")
    gone = {Reason.WEBHOOK_UNKNOWN, Reason.WEBHOOK_TOKEN_INVALID}
    assert quarantined == (reason if reason in gone else None)


def test_a_fault_of_one_machine_pauses_no_other() -> None:
    told = feedback_of(Answer(Deferred(0, Reason.PROXY_FAILED, Scope.MACHINE), None, 407), 0)
    assert not {"pause", "quarantine"} & set(told)


@pytest.mark.parametrize("outcome", [Deferred(1.5, Reason.CHANNEL_RATE_LIMITED, Scope.CHANNEL), BANNED])
def test_a_deferral_pauses_what_it_speaks_of(outcome: Deferred) -> None:
    pause = {"scope": outcome.scope, "wait": round(outcome.wait_seconds * 1e6), "reason": outcome.reason}
    assert feedback_of(Answer(outcome, None, 429), 0).get("pause") == pause


@pytest.mark.parametrize(
    ("rate_limit", "headers"),
    [
        (None, None),
        (RateLimitInfo(5, 4, 0.4), {"limit": 5, "remaining": 4, "reset_after": 400_000}),
        (
            RateLimitInfo(5, 4, 0.4, bucket="f1f2"),
            {"limit": 5, "remaining": 4, "reset_after": 400_000, "bucket": sha256(b"f1f2").hexdigest()[:16]},
        ),
        (RateLimitInfo(5, 0, 2, 7.5), {"limit": 5, "remaining": 0, "reset_after": 2_000_000, "reset_at": 7_500_000}),
    ],
)
def test_headers_are_passed_on_in_microseconds(
    rate_limit: RateLimitInfo | None, headers: dict[str, Any] | None
) -> None:
    assert feedback_of(Answer(Delivered("1", "2"), rate_limit, 200), 0).get("headers") == headers
