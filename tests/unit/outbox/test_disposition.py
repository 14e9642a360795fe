"""Each outcome of a request means one thing for each notification in it."""

import pytest

from notifier.models import NotificationMessage
from notifier.outbox.disposition import OF_THE_PAYLOAD, BatchItem, decide
from notifier.outcome import FAULTS, Deferred, Delivered, Failed, Outcome, Reason, Rejected, Scope, Status, Unknown

THREE = [BatchItem(NotificationMessage(title=title), attempts=1, admitted_at=0) for title in "abc"]


def told(outcome: Outcome, retry_attempts: int = 3, *, sent: bool = True) -> list[tuple[str, int, Status]]:
    return [(each.action, each.attempts, each.status) for each in decide(outcome, THREE, retry_attempts, sent=sent)]


def test_delivered_is_final_for_all_and_an_attempt() -> None:
    assert told(Delivered("1", "2")) == [("complete", 2, Status.DELIVERED)] * 3


def test_a_deferral_spends_no_attempt() -> None:
    assert told(Deferred(5, Reason.RATE_LIMITED)) == [("requeue", 1, Status.QUEUED)] * 3


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Failed(Reason.BAD_GATEWAY), Status.FAILED), (Unknown(Reason.READ_TIMEOUT), Status.UNKNOWN)],
)
def test_a_failure_is_retried_until_the_attempts_are_spent(outcome: Outcome, status: Status) -> None:
    assert told(outcome, retry_attempts=2) == [("retry_later", 2, status)] * 3
    assert told(outcome, retry_attempts=1) == [("attempts_exhausted", 2, status)] * 3


def test_what_never_left_this_machine_ends_no_alert_however_often() -> None:
    assert told(Failed(Reason.CONNECTION_FAILED), retry_attempts=0) == [("retry_later", 2, Status.FAILED)] * 3


def test_a_fault_of_the_machine_spends_no_attempt_and_says_what_to_repair() -> None:
    outcome = Deferred(0, Reason.NO_NETWORK, Scope.MACHINE, "DNS")
    assert told(outcome, retry_attempts=0) == [("requeue", 1, Status.QUEUED)] * 3
    assert {each.detail for each in decide(outcome, THREE, 0)} == {"DNS"}


WAITS_AND_ENDS = {
    *("in_flight", "batching", "backing_off", "postponed", "fetching_webhook", "breaker_open", "probe_in_flight"),
    *("rate_limited", "channel_rate_limited", "configured_limit", "global_rate_limited", "edge_banned", "worker_lost"),
    *("queue_full", "expired", "revoked", "forgotten", "left_to_others", "reconciling", "newer_version"),
}
"""Reasons of what is no failure, or of a worker that is gone."""


def test_every_reason_of_a_failure_is_somebodys_fault() -> None:
    assert {str(reason) for reason in Reason} - WAITS_AND_ENDS == {str(reason) for reason in FAULTS}


@pytest.mark.parametrize("reason", sorted(OF_THE_PAYLOAD))
def test_a_fault_of_the_payload_rejects_only_the_items_that_discord_names(reason: Reason) -> None:
    dispositions = decide(Rejected(reason, rejected_indexes=frozenset({1})), THREE, 3)
    assert [(each.action, each.isolate) for each in dispositions] == [
        ("requeue", False),
        ("complete", False),
        ("requeue", False),
    ]
    dispositions = decide(Rejected(reason), THREE, 3)
    assert [(each.action, each.isolate) for each in dispositions] == [("requeue", True)] * 3, (
        "nobody named: each goes alone"
    )
    assert [each.action for each in decide(Rejected(reason), THREE[:1], 3)] == ["complete"]


@pytest.mark.parametrize("reason", [Reason.WEBHOOK_UNKNOWN, Reason.WEBHOOK_TOKEN_INVALID])
def test_a_url_that_is_gone_ends_no_alert_and_costs_no_attempt(reason: Reason) -> None:
    assert told(Rejected(reason)) == [("requeue", 1, Status.QUEUED)] * 3


@pytest.mark.parametrize("reason", [Reason.FORBIDDEN, Reason.UNKNOWN_CHANNEL])
def test_a_fault_of_the_webhook_is_final_for_all(reason: Reason) -> None:
    assert told(Rejected(reason)) == [("complete", 2, Status.REJECTED)] * 3


def test_what_was_never_sent_was_no_attempt() -> None:
    assert told(Rejected(Reason.WEBHOOK_NOT_CONFIGURED), sent=False) == [("complete", 1, Status.REJECTED)] * 3


def test_dead_is_final_and_bad() -> None:
    assert not any(each.dead for each in decide(Delivered(None, None), THREE, 3))
    assert not any(each.dead for each in decide(Failed(Reason.BAD_GATEWAY), THREE, 3))
    assert all(each.dead for each in decide(Failed(Reason.BAD_GATEWAY), THREE, 0))
